import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { formatRatio, formatValue } from '../../results/format.ts';
import { median } from '../../results/median.ts';
import { random, shuffled } from '../../results/random.ts';
import { paired } from '../../results/statistics.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { type Finding, report, type Target } from './finding.ts';
import { comparedPools, deploySubjects, type FloodLoad, flood, provePath, type Subject } from './subject.ts';

const defaultPasses = 10;
const warmupSeconds = 0.25;
const seconds = 1;
const proofSeconds = 0.2;

/** One answer of a bulk stream. Between two, a stream waits for as long as a request takes: less than 1 % of the time. */
const bulkBytes = 16 << 20;

/** What is asked. With several loads, the one counts by which the most is done: the generator must not be the limit. */
type Question = {
  name: string;
  unit: 'bytes' | 'requests/second';
  loads: readonly Pick<FloodLoad, 'connections' | 'reconnect' | 'bytes'>[];
};

const questions: readonly Question[] = [
  { name: 'bulk, 1 stream', unit: 'bytes', loads: [{ connections: 1, reconnect: false, bytes: bulkBytes }] },
  { name: 'bulk, 4 streams', unit: 'bytes', loads: [{ connections: 4, reconnect: false, bytes: bulkBytes }] },
  { name: 'connections', unit: 'requests/second', loads: [{ connections: 16, reconnect: true, bytes: 1 }] },
  {
    name: 'saturation',
    unit: 'requests/second',
    loads: [32, 64].map((connections) => ({ connections, reconnect: false, bytes: 1024 })),
  },
];

/**
 * What a data plane does with a question in one pass: bytes or answers per second, and CPU seconds for each. `controlShare`
 * is how much of those the data plane's own containers took, an agent that is told of every connection for one.
 */
type Answer = { rate: number; cpuSeconds: number; controlShare: number | null };

/** By question and test case, one for each pass. */
type Answers = ReadonlyMap<string, readonly Answer[]>;

/** How much of everything goes through each data plane when the generator sends as much as it can. */
export const throughput: Check = {
  summary: 'bulk throughput, connections/s and saturation of each data plane to none, in one run (10 passes)',
  async run(input) {
    const { pools, signal, progress } = input;
    const compared = pools ?? comparedPools;
    const context = { signal, progress };
    const { subjects, answers } = await exclusively(() =>
      withOwnCluster(compared, context, async (cluster) => {
        const options = { pools: compared, placements: ['cross-node', 'same-node'] as const, ...context };
        const { subjects } = await deploySubjects(cluster, options);
        return { subjects, answers: await ask({ kube: cluster.kube, ...context }, subjects, input) };
      }),
    );
    return report(
      'throughput',
      questions.flatMap((question) => findingsOf(question, subjects, answers)),
      input,
    );
  },
};

/** Pass by pass; in each, all test cases answer one question right after another, in random order. */
async function ask(
  context: DataPlaneContext,
  subjects: readonly Subject[],
  { count, progress }: CheckInput,
): Promise<Answers> {
  for (const subject of subjects) await proveAll(context, subject);
  const answers = new Map<string, Answer[]>();
  const numbers = random(1);
  const passes = count ?? defaultPasses;
  for (let pass = 1; pass <= passes; pass++) {
    for (const question of shuffled(questions, numbers)) {
      for (const subject of shuffled(subjects, numbers)) {
        progress(`pass ${pass} of ${passes}: ${question.name}, ${subject.planned.id}`);
        const key = keyOf(question, subject);
        answers.set(key, [...(answers.get(key) ?? []), await answerOf(context, subject, question)]);
      }
    }
  }
  return answers;
}

async function proveAll(context: DataPlaneContext, subject: Subject): Promise<void> {
  const { dataPlane, testCase, id } = subject.planned;
  for (const { name, unit, loads } of questions) {
    // A short-cut leaves to packets what a reader that is behind has no room for: how much of a stream, nobody claims.
    if (unit === 'bytes' && dataPlane.bypassesLinks?.(testCase)) continue;
    context.progress(`proving the path of ${id}: ${name}`);
    for (const load of loads.slice(0, 1))
      await provePath(context, subject, { ...load, warmupSeconds: 0, durationSeconds: proofSeconds });
  }
}

async function answerOf(context: DataPlaneContext, subject: Subject, { unit, loads }: Question): Promise<Answer> {
  let best: Answer = { rate: 0, cpuSeconds: Number.NaN, controlShare: null };
  for (const load of loads) {
    const result = await flood(context, subject, { ...load, warmupSeconds, durationSeconds: seconds });
    const done = unit === 'bytes' ? result.bytesReceived : result.requests;
    const rate = done / result.windowSeconds;
    const { busySeconds, controlSeconds } = result;
    const controlShare = controlSeconds === null || busySeconds <= 0 ? null : controlSeconds / busySeconds;
    if (rate > best.rate) best = { rate, cpuSeconds: busySeconds / done, controlShare };
  }
  return best;
}

function findingsOf(question: Question, subjects: readonly Subject[], answers: Answers): Finding[] {
  return subjects.flatMap((subject) => {
    const own = answers.get(keyOf(question, subject)) ?? [];
    const rates = own.map(({ rate }) => rate);
    const name = `${question.name}, ${subject.planned.id}`;
    const rate = median(rates);
    const text = question.unit === 'bytes' ? `${formatValue(rate, 'bytes')}/s` : formatValue(rate, 'requests/second');
    const absolute: Finding = { name, value: rate, text, interval: null, target: null };
    const share = median(own.flatMap(({ controlShare }) => controlShare ?? []));
    const control: Finding = {
      name: '  CPU of that in agents and the like',
      ...{ value: share, text: formatValue(share, 'ratio'), interval: null, target: null },
    };
    const baseline = baselineOf(subject, subjects);
    if (baseline === null || baseline === subject) return [absolute];
    const to = answers.get(keyOf(question, baseline)) ?? [];
    const compare = (what: string, of: (answer: Answer) => number, target: Target | null): Finding => {
      const byPass = (list: readonly Answer[]) => new Map(list.map((answer, pass) => [pass, of(answer)]));
      const { ratio, interval } = paired(byPass(own), byPass(to), random(1));
      return { name: `  ${what} to none`, value: ratio, text: formatRatio(ratio), interval, target };
    };
    return [
      absolute,
      compare('rate', (answer) => answer.rate, targetOf(question, subject)),
      compare(`CPU for each ${question.unit === 'bytes' ? 'byte' : 'answer'}`, ({ cpuSeconds }) => cpuSeconds, null),
      control,
    ];
  });
}

/** Only what works in the kernel is held to it: a proxy on the way costs something, and how much is what is asked. */
function targetOf({ name }: Question, { planned: { dataPlane, testCase } }: Subject): Target | null {
  if (dataPlane.modes.some(({ profile }) => profile === 'l7')) return null;
  if (name === 'saturation' && testCase.variant !== null) return { atLeast: 1.15, by: 'value' };
  return { atLeast: 1, by: 'interval' };
}

function baselineOf({ planned }: Subject, subjects: readonly Subject[]): Subject | null {
  const placed = subjects.filter(({ planned: { testCase } }) => testCase.placement === planned.testCase.placement);
  return placed.find(({ planned: { dataPlane } }) => dataPlane.id === 'none') ?? null;
}

function keyOf({ name }: Question, { planned }: Subject): string {
  return `${name} ${planned.id}`;
}

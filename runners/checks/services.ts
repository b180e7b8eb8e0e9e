import type { Cluster } from '../../clusters/cluster.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { formatDuration, formatRatio, formatValue } from '../../results/format.ts';
import { quantile } from '../../results/histogram.ts';
import { median } from '../../results/median.ts';
import { random, shuffled } from '../../results/random.ts';
import { paired } from '../../results/statistics.ts';
import { unpaired } from '../../results/unpaired.ts';
import { runBlock } from '../load/generator.ts';
import type { LoadedScenario } from '../run/scenario.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { type Finding, report, type Target } from './finding.ts';
import { createServices, deleteServices, type Last, untilProgrammed } from './many-services.ts';
import { comparedPools, deploySubjects, flood, type Subject } from './subject.ts';

const defaultPasses = 8;
const seconds = 1;
const warmupSeconds = 0.25;

/**
 * Services beside the cluster's own few. With none again, what has drifted meanwhile is between that and the first phase.
 * The most come last: to delete them one by one would take longer than all else, and they go with the cluster.
 */
const phases = [
  { name: 'few', services: 0 },
  { name: '5,000', services: 5_000 },
  { name: 'few again', services: 0 },
  { name: '20,000', services: 20_000 },
] as const;
type PhaseName = (typeof phases)[number]['name'];

/** The number at which what is measured must be as with few. */
const heldAt: PhaseName = '5,000';

/** What a test case does in one pass of a phase. */
type Sample = { connections: number; p50: number };

/** By test case, in one phase; `programmed` is the time from the last Service's creation until it answered. */
type Phase = { samples: ReadonlyMap<Subject, readonly Sample[]>; programmed: ReadonlyMap<Subject, number> | null };

/** What many Services cost: each data plane is compared with itself among few. */
export const services: Check = {
  summary: 'latency and connections/s with 5,000 Services are as with few; 20,000 are told (8 passes each)',
  async run(input) {
    const { pools, signal, progress } = input;
    const compared = pools ?? comparedPools;
    const context = { signal, progress };
    const { subjects, measured } = await exclusively(() =>
      withOwnCluster(compared, context, async (cluster) => {
        const options = { pools: compared, placements: ['cross-node'] as const, ...context };
        const { scenario, subjects } = await deploySubjects(cluster, options);
        return { subjects, measured: await measureAll(cluster, { scenario, subjects }, input) };
      }),
    );
    return report(
      'services',
      subjects.flatMap((subject) => findingsOf(subject, subjects, measured)),
      input,
    );
  },
};

type Deployment = { scenario: LoadedScenario; subjects: readonly Subject[] };

async function measureAll(
  cluster: Cluster,
  deployment: Deployment,
  input: CheckInput,
): Promise<ReadonlyMap<PhaseName, Phase>> {
  const { signal, progress } = input;
  const { subjects } = deployment;
  const measured = new Map<PhaseName, Phase>();
  let there = 0;
  let last: Last = new Map();
  for (const { name, services: wanted } of phases) {
    let programmed: Phase['programmed'] = null;
    if (wanted > there) {
      last = await createServices(cluster, subjects, { from: there, to: wanted, signal, progress });
    } else if (wanted < there) {
      await deleteServices(cluster, { count: there, signal, progress });
    }
    if (wanted !== there) {
      progress(`${name} Services: waiting for the data planes`);
      programmed = await untilProgrammed(cluster, last, { there: wanted > there, signal });
    }
    there = wanted;
    const samples = await measurePhase(cluster, deployment, name, input);
    measured.set(name, { samples, programmed });
    // Half an hour of work is not to be lost with what fails after it.
    for (const [{ planned }, values] of samples) progress(`${name} Services: ${planned.id}: ${inShort(values)}`);
  }
  return measured;
}

function inShort(samples: readonly Sample[]): string {
  const connections = median(samples.map((sample) => sample.connections));
  const p50 = median(samples.map((sample) => sample.p50));
  return `${formatValue(connections, 'requests/second')}, p50 ${p50 === null ? '–' : formatDuration(p50)}`;
}

async function measurePhase(
  { kube }: Cluster,
  { scenario, subjects }: Deployment,
  phase: string,
  { count, signal, progress }: CheckInput,
): Promise<Phase['samples']> {
  const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
  const numbers = random(1);
  const passes = count ?? defaultPasses;
  for (let pass = 1; pass <= passes; pass++) {
    for (const subject of shuffled(subjects, numbers)) {
      progress(`${phase} Services, pass ${pass} of ${passes}: ${subject.planned.id}`);
      samples.get(subject)?.push(await sampleOf({ kube, signal, progress }, scenario, subject));
    }
  }
  return samples;
}

async function sampleOf(context: DataPlaneContext, scenario: LoadedScenario, subject: Subject): Promise<Sample> {
  const { planned, deployed, host } = subject;
  const opened = await flood(context, subject, {
    ...{ connections: 16, reconnect: true, bytes: 1, warmupSeconds, durationSeconds: seconds },
  });
  const generator = deployed.generators.get(planned.testCase.placement);
  if (generator === undefined) throw new Error(`no generator for ${planned.id}`);
  const { script, rate, connections, requestTimeoutSeconds: timeoutSeconds } = scenario.load;
  const bodyBytes = scenario.responseBytes;
  const url = `http://${host}:${planned.testCase.port}/?bytes=${bodyBytes}`;
  const { latency } = await runBlock(
    context.kube,
    generator,
    { script, url, rate, connections, warmupSeconds, durationSeconds: seconds, timeoutSeconds, bodyBytes },
    { signal: context.signal, onWindowBegin: () => undefined, onWindowEnd: () => undefined },
  );
  return { connections: opened.requests / opened.windowSeconds, p50: quantile(latency, 0.5) ?? Number.NaN };
}

function findingsOf(
  subject: Subject,
  subjects: readonly Subject[],
  measured: ReadonlyMap<PhaseName, Phase>,
): Finding[] {
  const baseline = subjects.find(({ planned: { dataPlane } }) => dataPlane.id === 'none') ?? null;
  const valuesOf = (whose: Subject, name: PhaseName, of: (sample: Sample) => number): number[] =>
    (measured.get(name)?.samples.get(whose) ?? []).map(of);
  const id = subject.planned.id;
  return phases.flatMap(({ name }): Finding[] => {
    const compare = (
      what: string,
      of: (sample: Sample) => number,
      show: (value: number | null) => string,
    ): Finding[] => {
      const values = valuesOf(subject, name, of);
      const value = median(values);
      const found: Finding[] = [
        { name: `${id}, ${name}: ${what}`, value, text: show(value), interval: null, target: null },
      ];
      if (name !== 'few') {
        // Both phases with few, so that a drift widens the interval and is not taken for an effect.
        const ends: readonly PhaseName[] = name === 'few again' ? ['few'] : ['few', 'few again'];
        const few = ends.flatMap((end) => valuesOf(subject, end, of));
        const { ratio, interval } = unpaired(values, few, random(1));
        const held = name === heldAt && baseline !== null && subject !== baseline;
        const target: Target | null = held ? { equal: 1, by: 'interval' } : null;
        found.push({ name: '  to few', value: ratio, text: formatRatio(ratio), interval, target });
      }
      if (baseline !== null && subject !== baseline) {
        const byPass = (list: readonly number[]) => new Map(list.map((one, pass) => [pass, one]));
        const { ratio, interval } = paired(byPass(values), byPass(valuesOf(baseline, name, of)), random(1));
        found.push({ name: '  to none', value: ratio, text: formatRatio(ratio), interval, target: null });
      }
      return found;
    };
    const programmed = measured.get(name)?.programmed?.get(subject) ?? null;
    return [
      ...compare(
        'connections',
        (sample) => sample.connections,
        (value) => formatValue(value, 'requests/second'),
      ),
      ...compare(
        'p50',
        ({ p50 }) => p50,
        (value) => (value === null ? '–' : formatDuration(value)),
      ),
      ...(programmed === null
        ? []
        : [
            {
              ...{ name: `${id}, ${name}: programmed after`, value: programmed, text: formatDuration(programmed) },
              ...{ interval: null, target: null },
            },
          ]),
    ];
  });
}

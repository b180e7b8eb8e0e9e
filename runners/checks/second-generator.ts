import type { V1Service } from '@kubernetes/client-node';
import { poolOf } from '../../clusters/cluster.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { ensurePrograms } from '../../clusters/tools/programs.ts';
import { expandedInterval, fewestForBootstrap, resampled } from '../../results/bootstrap.ts';
import { histogramOf, quantile } from '../../results/histogram.ts';
import type { Interval } from '../../results/interval.ts';
import { median } from '../../results/median.ts';
import { random, shuffled } from '../../results/random.ts';
import { fortioMedian, withFortio } from '../load/fortio.ts';
import { fortio } from '../load/programs.ts';
import { deployScenario } from '../run/deploy.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from '../run/plan.ts';
import { type LoadedScenario, loadScenario } from '../run/scenario.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';

/** How far apart two generators may be about what a data plane adds to the median. */
const tolerance = 0.1;

/**
 * Both generators send at the same time, each half of the load: one after the other they would meet different machines. A
 * virtual machine's speed drifts from one second to the next, and the more CPU time a generator takes itself, the longer a
 * proxy waits for its turn.
 */
const share = 1 / 2;
const defaultPasses = 20;
const seconds = 2;
/** Long enough for the start of fortio's process to be over. */
const warmupSeconds = 1;

const generators = ['k6', 'fortio'] as const;
type Generator = (typeof generators)[number];

/** Seconds, as both generators saw them at the same time. */
type Seen = Record<Generator, number>;

/** What a data plane added to the p50, in seconds. */
type Added = Seen;

/** By test case, one for each pass. */
type Comparisons = ReadonlyMap<string, readonly Added[]>;

/** That a generator of another make agrees on the latency that each data plane adds. */
export const secondGenerator: Check = {
  summary: 'fortio agrees with k6 on the latency that each data plane adds to the p50, within 10 %',
  async run(input) {
    const scenario = await loadScenario('latency');
    const pools = [poolOf('none', 'none'), poolOf('sidecar', 'sidecar')];
    const context = { signal: input.signal, progress: input.progress };
    const cases = planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements: ['cross-node'] });
    const comparisons = await exclusively(() =>
      withOwnCluster(pools, context, async ({ kube }) => {
        await ensurePrograms([fortio], context);
        return compare(await deploy(kube, { scenario, cases }, input), input);
      }),
    );
    return report(comparisons, input);
  },
};

/** Nobody reads anything at the ends of its window. */
const unwatched = { onBegin: () => undefined, onEnd: () => undefined };

/** The median latency that each generator sees in one block of a test case. */
type Measure = (id: string) => Promise<Seen>;

async function deploy(
  kube: Kube,
  { scenario, cases }: { scenario: LoadedScenario; cases: readonly PlannedCase[] },
  { signal, progress }: CheckInput,
): Promise<{ ids: readonly string[]; measure: Measure }> {
  const context = { kube, signal, progress };
  const subjects = new Map(
    await Promise.all(
      [...new Set(cases.map(({ testCase }) => testCase.pool))].map(async (pool) => {
        const dataPlane = withFortio(dataPlaneOf(pool));
        const deployed = await deployScenario(context, { scenario, pool, dataPlane, placements: ['cross-node'] });
        const path = `/api/v1/namespaces/${pool.namespace}/services/workload`;
        const service = await kube.json<V1Service>('GET', path, { signal });
        return [pool.name, { deployed, host: service.spec?.clusterIP ?? '' }] as const;
      }),
    ),
  );
  const load = cases[0]?.measurement.parameters ?? {};
  const rate = Number(load.rate) * share;
  const connections = Number(load.connections) * share;
  const medians = new Map<string, number>();
  const measure: Measure = async (id) => {
    const { testCase, driver } = cases.find((planned) => planned.id === id) ?? {};
    const subject = subjects.get(testCase?.pool.name ?? '');
    const pod = subject?.deployed.generators.get('cross-node');
    if (testCase === undefined || driver === undefined || subject === undefined || pod === undefined)
      throw new Error(`${id} was not deployed`);
    const url = `http://${subject.host}:${testCase.port}/?bytes=${load.responseBytes}`;
    const parameters = { ...load, rate, connections, warmupSeconds, seconds };
    const [fortio, { durations }] = await Promise.all([
      fortioMedian(
        pod,
        { url, rate, connections, seconds: warmupSeconds + seconds, around: medians.get(id) ?? 0 },
        signal,
      ),
      driver.send(context, { generator: pod, host: subject.host, port: testCase.port }, parameters, unwatched),
    ]);
    const k6 = quantile(durations.request ?? histogramOf([]), 0.5) ?? Number.NaN;
    medians.set(id, k6);
    return { k6, fortio };
  };
  return { ids: cases.map(({ id }) => id), measure };
}

async function compare(
  { ids: [baseline = '', ...others], measure }: { ids: readonly string[]; measure: Measure },
  { count, progress }: CheckInput,
): Promise<Comparisons> {
  const numbers = random(1);
  const comparisons = new Map<string, Added[]>(others.map((id) => [id, []]));
  for (const id of [baseline, ...others]) await measure(id);
  const passes = count ?? defaultPasses;
  for (let pass = 1; pass <= passes; pass++) {
    for (const id of shuffled(others, numbers)) {
      progress(`pass ${pass} of ${passes}: ${id}`);
      const added: Added = { k6: 0, fortio: 0 };
      for (const measured of shuffled([id, baseline], numbers)) {
        const seen = await measure(measured);
        for (const generator of generators) added[generator] += (measured === id ? 1 : -1) * seen[generator];
      }
      comparisons.get(id)?.push(added);
    }
  }
  return comparisons;
}

function report(comparisons: Comparisons, { stdout }: CheckInput): boolean {
  const micro = (values: readonly number[]): string => `${((median(values) ?? Number.NaN) * 1e6).toFixed(0)} µs`;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  let agreed = true;
  for (const [id, added] of comparisons) {
    const apart = ratioOfMedians(added) - 1;
    if (!(Math.abs(apart) <= tolerance)) agreed = false;
    const [k6, fortio] = generators.map((generator) => micro(added.map((one) => one[generator])));
    const interval = intervalOf(added);
    stdout.write(
      `${id}: adds ${k6} by k6, ${fortio} by fortio: ${percent(apart)} apart ` +
        `(${interval === null ? 'too few passes for an interval' : `95 % interval ${interval.map((end) => percent(end - 1)).join(' to ')}`})\n`,
    );
  }
  return agreed;
}

/** The 95 % interval of {@link ratioOfMedians}, over passes; null of too few. */
function intervalOf(added: readonly Added[]): Interval | null {
  if (added.length < fewestForBootstrap) return null;
  return expandedInterval(resampled(added, ratioOfMedians, random(1)), added.length);
}

/** Of medians, not the median of ratios: in a single pass the divisor is so uncertain that their middle lies too high. */
function ratioOfMedians(added: readonly Added[]): number {
  const [k6, fortio] = generators.map((generator) => median(added.map((one) => one[generator])) ?? Number.NaN);
  return (k6 ?? Number.NaN) / (fortio ?? Number.NaN);
}

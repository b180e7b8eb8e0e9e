import type { V1Service } from '@kubernetes/client-node';
import { poolOf } from '../../clusters/cluster.ts';
import type { Kube } from '../../clusters/kube.ts';
import { ensureTools } from '../../clusters/tools.ts';
import { quantile } from '../../results/histogram.ts';
import { median } from '../../results/median.ts';
import { random, shuffled } from '../../results/random.ts';
import { deployScenario } from '../run/deploy.ts';
import { runBlock } from '../run/generator.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from '../run/plan.ts';
import { type LoadedScenario, loadScenario } from '../run/scenario.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { fortioMedian, withFortio } from './fortio.ts';

/** How far apart two generators may be about what a data plane adds to the median. */
const tolerance = 0.1;

/**
 * Of each comparison, many and short: a virtual machine's speed drifts from one second to the next by more than what is
 * to be seen, so the four blocks that are compared follow each other at once.
 */
const defaultPasses = 30;
const seconds = 0.7;
const warmupSeconds = 0.3;

const resamples = 2000;

const generators = ['k6', 'fortio'] as const;
type Generator = (typeof generators)[number];

/** What a data plane added to the p50, in seconds, as both generators saw it within a few seconds. */
type Added = Record<Generator, number>;

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
        await ensureTools(['fortio'], context);
        return compare(await deploy(kube, { scenario, cases }, input), input);
      }),
    );
    return report(comparisons, input);
  },
};

/** The median latency, in seconds, that a generator sees in one block of a test case. */
type Measure = (id: string, generator: Generator) => Promise<number>;

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
  const { rate, connections, requestTimeoutSeconds, script } = scenario.load;
  const seen = new Map<string, number>();
  const measure: Measure = async (id, generator) => {
    const testCase = cases.find((planned) => planned.id === id)?.testCase;
    const subject = subjects.get(testCase?.pool.name ?? '');
    const pod = subject?.deployed.generators.get('cross-node');
    if (testCase === undefined || subject === undefined || pod === undefined) throw new Error(`${id} was not deployed`);
    const url = `http://${subject.host}:${testCase.port}/?bytes=${scenario.responseBytes}`;
    if (generator === 'fortio') {
      const around = seen.get(id) ?? 0;
      return await fortioMedian(pod, { url, rate, connections, warmupSeconds, seconds, around }, signal);
    }
    const { latency } = await runBlock(
      kube,
      pod,
      {
        ...{ script, url, rate, connections, warmupSeconds, durationSeconds: seconds },
        ...{ timeoutSeconds: requestTimeoutSeconds, bodyBytes: scenario.responseBytes },
      },
      { signal, onWindowBegin: () => undefined, onWindowEnd: () => undefined },
    );
    const p50 = quantile(latency, 0.5) ?? Number.NaN;
    seen.set(id, p50);
    return p50;
  };
  return { ids: cases.map(({ id }) => id), measure };
}

async function compare(
  { ids: [baseline = '', ...others], measure }: { ids: readonly string[]; measure: Measure },
  { count, progress }: CheckInput,
): Promise<Comparisons> {
  const numbers = random(1);
  const comparisons = new Map<string, Added[]>(others.map((id) => [id, []]));
  for (const id of [baseline, ...others]) await measure(id, 'k6');
  const passes = count ?? defaultPasses;
  for (let pass = 1; pass <= passes; pass++) {
    for (const id of shuffled(others, numbers)) {
      progress(`pass ${pass} of ${passes}: ${id}`);
      const added: Added = { k6: 0, fortio: 0 };
      const turns = generators.flatMap((generator) => [
        { generator, measured: id },
        { generator, measured: baseline },
      ]);
      for (const { generator, measured } of shuffled(turns, numbers)) {
        added[generator] += (measured === id ? 1 : -1) * (await measure(measured, generator));
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
    const [low, high] = bootstrap(added);
    stdout.write(
      `${id}: adds ${k6} by k6, ${fortio} by fortio: ${percent(apart)} apart ` +
        `(95 % interval ${percent(low - 1)} to ${percent(high - 1)})\n`,
    );
  }
  return agreed;
}

/** Of medians, not the median of ratios: in a single pass the divisor is so uncertain that their middle lies too high. */
function ratioOfMedians(added: readonly Added[]): number {
  const [k6, fortio] = generators.map((generator) => median(added.map((one) => one[generator])) ?? Number.NaN);
  return (k6 ?? Number.NaN) / (fortio ?? Number.NaN);
}

/** The 95 % percentile-bootstrap interval of {@link ratioOfMedians}, over passes. */
function bootstrap(added: readonly Added[]): [low: number, high: number] {
  const numbers = random(1);
  const pick = (): Added => added[numbers.below(added.length)] as Added;
  const ratios = Array.from({ length: resamples }, () => ratioOfMedians(added.map(pick))).sort((a, b) => a - b);
  const at = (share: number): number => ratios[Math.round(share * (resamples - 1))] ?? Number.NaN;
  return [at(0.025), at(0.975)];
}

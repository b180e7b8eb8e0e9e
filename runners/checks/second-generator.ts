import type { V1Service } from '@kubernetes/client-node';
import { poolOf } from '../../clusters/cluster.ts';
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

/** Many short passes: a virtual machine's speed drifts from one second to the next, by more than what is to be seen. */
const defaultPasses = 30;
const seconds = 1;

const generators = ['k6', 'fortio'] as const;
type Generator = (typeof generators)[number];

/** Medians in seconds, one for each pass. */
type Medians = Map<string, Record<Generator, number[]>>;

/** That a generator of another make agrees on the latency that each data plane adds. */
export const secondGenerator: Check = {
  summary: 'fortio agrees with k6 on the latency that each data plane adds to the p50, within 10 %',
  async run(input) {
    const scenario = await loadScenario('latency');
    const pools = [poolOf('none', 'none'), poolOf('sidecar', 'sidecar')];
    const context = { signal: input.signal, progress: input.progress };
    const cases = planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements: ['cross-node'] });
    const medians = await exclusively(() =>
      withOwnCluster(pools, context, async ({ kube }) => {
        await ensureTools(['fortio'], context);
        return measure(kube, { scenario, cases }, input);
      }),
    );
    return report(medians, input);
  },
};

async function measure(
  kube: Parameters<typeof deployScenario>[0]['kube'],
  { scenario, cases }: { scenario: LoadedScenario; cases: readonly PlannedCase[] },
  { count, signal, progress }: CheckInput,
): Promise<Medians> {
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
  const numbers = random(1);
  const medians: Medians = new Map();
  const { rate, connections, warmupSeconds, requestTimeoutSeconds, script } = scenario.load;
  const passes = count ?? defaultPasses;
  for (let pass = 1; pass <= passes; pass++) {
    const turns = cases.flatMap((planned) => generators.map((generator) => ({ planned, generator })));
    for (const { planned, generator } of shuffled(turns, numbers)) {
      const { id, testCase } = planned;
      const subject = subjects.get(testCase.pool.name);
      const pod = subject?.deployed.generators.get('cross-node');
      if (subject === undefined || pod === undefined) throw new Error(`${testCase.pool.name} was not deployed`);
      progress(`pass ${pass} of ${passes}: ${id} by ${generator}`);
      const url = `http://${subject.host}:${testCase.port}/?bytes=${scenario.responseBytes}`;
      const seen = medians.get(id) ?? { k6: [], fortio: [] };
      medians.set(id, seen);
      if (generator === 'fortio') {
        const around = median([...seen.k6, ...seen.fortio]) ?? 0;
        const request = { url, rate, connections, warmupSeconds, seconds, around };
        seen.fortio.push(await fortioMedian(pod, request, signal));
        continue;
      }
      const result = await runBlock(
        kube,
        pod,
        {
          ...{ script, url, rate, connections, warmupSeconds, durationSeconds: seconds },
          ...{ timeoutSeconds: requestTimeoutSeconds, bodyBytes: scenario.responseBytes },
        },
        { signal, onWindowBegin: () => undefined, onWindowEnd: () => undefined },
      );
      seen.k6.push(quantile(result.latency, 0.5) ?? Number.NaN);
    }
  }
  return medians;
}

function report(medians: Medians, { stdout }: CheckInput): boolean {
  const baseline = medians.get('none/l4/none/cross-node') ?? { k6: [], fortio: [] };
  let agreed = true;
  for (const [id, own] of medians) {
    const [k6, fortio] = generators.map((generator) => added(own[generator], baseline[generator])) as [number, number];
    const micro = (seconds: number | null): string => `${((seconds ?? Number.NaN) * 1e6).toFixed(0)} µs`;
    if (own === baseline) {
      stdout.write(`${id}: p50 ${micro(median(own.k6))} by k6, ${micro(median(own.fortio))} by fortio\n`);
      continue;
    }
    const apart = k6 / fortio - 1;
    if (Math.abs(apart) > tolerance) agreed = false;
    stdout.write(`${id}: adds ${micro(k6)} by k6, ${micro(fortio)} by fortio: ${(apart * 100).toFixed(1)} % apart\n`);
  }
  return agreed;
}

/** The median over passes of the difference to the baseline in the same pass. */
function added(own: readonly number[], baseline: readonly number[]): number {
  return median(own.map((value, pass) => value - (baseline[pass] ?? Number.NaN))) ?? Number.NaN;
}

import type { V1PodList, V1Service } from '@kubernetes/client-node';
import { type Cluster, type Pool, poolOf } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Placement } from '../../results/vocabulary.ts';
import { type FloodRequest, type FloodResult, runFlood } from '../load/flood.ts';
import { busyBetween, type MachineTime, readMachineTime } from '../probes/machine.ts';
import { type ContainerCgroup, findContainerCgroups, readRoleUsage } from '../probes/pod-cgroups.ts';
import { growthOf } from '../run/check-evidence.ts';
import { type Deployed, deployScenario } from '../run/deploy.ts';
import { checkPath, readPath } from '../run/path-evidence.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from '../run/plan.ts';
import { type LoadedScenario, loadScenario } from '../run/scenario.ts';

/** A test case with its pods, the address of the Service that it is asked by, and its data plane's own containers. */
export type Subject = {
  planned: PlannedCase;
  deployed: Deployed;
  host: string;
  /** Of the pool's system namespace: agents and the like. */
  control: readonly ContainerCgroup[];
};

/** What a flood is, but for its address. `bytes` is the length of each answer's body. */
export type FloodLoad = Omit<FloodRequest, 'url' | 'timeoutSeconds'> & { bytes: number };

/**
 * What one flood gave, and the CPU time within its window: the whole machine's, the idle cluster's share included, and of
 * it that of the data plane's own containers, null where one of them has ended meanwhile.
 */
export type Flooded = FloodResult & { busySeconds: number; controlSeconds: number | null };

const timeoutSeconds = 10;

/** The pools that a check compares when it is not told: the baseline, and the data plane that its targets are for. */
export const comparedPools: readonly Pool[] = [poolOf('none', 'none'), poolOf('sidecarless', 'sidecarless')];

/** Deploys the scenario `latency`'s pods on each pool: all test cases that its data planes can run. */
export async function deploySubjects(
  { kube }: Cluster,
  {
    pools,
    placements,
    signal,
    progress,
  }: {
    pools: readonly Pool[];
    placements: readonly Placement[];
    signal: AbortSignal;
    progress: (message: string) => void;
  },
): Promise<{ scenario: LoadedScenario; subjects: readonly Subject[] }> {
  const scenario = await loadScenario('latency');
  const cases = planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements });
  const pods = new Map(
    await Promise.all(
      pools.map(async (pool) => {
        const dataPlane = dataPlaneOf(pool);
        const deployed = await deployScenario({ kube, signal, progress }, { scenario, pool, dataPlane, placements });
        const path = `/api/v1/namespaces/${pool.namespace}/services/workload`;
        const service = await kube.json<V1Service>('GET', path, { signal });
        const own = `/api/v1/namespaces/${pool.systemNamespace}/pods`;
        const { items } = await kube.json<V1PodList>('GET', own, { signal });
        const control = findContainerCgroups(items, (pod, name) => dataPlane.role(pod, name));
        return [pool.name, { deployed, host: service.spec?.clusterIP ?? '', control }] as const;
      }),
    ),
  );
  const subjects = cases
    .filter(({ skipped }) => skipped === null)
    .flatMap((planned): Subject[] => {
      const own = pods.get(planned.testCase.pool.name);
      return own === undefined ? [] : [{ planned, ...own }];
    });
  return { scenario, subjects };
}

/** Sends one flood through a test case. */
export async function flood(context: DataPlaneContext, subject: Subject, load: FloodLoad): Promise<Flooded> {
  const { planned, deployed, host } = subject;
  const generator = deployed.generators.get(planned.testCase.placement);
  if (generator === undefined) throw new Error(`no generator for ${planned.id}`);
  await planned.dataPlane.prepare?.(context, planned.testCase);
  const { bytes, ...loops } = load;
  const request = { ...loops, url: `http://${host}:${planned.testCase.port}/?bytes=${bytes}`, timeoutSeconds };
  const readings: { machine: MachineTime; control: number | null }[] = [];
  const read = (): void => {
    const control = readRoleUsage(subject.control).control?.cpuSeconds.value ?? null;
    readings.push({ machine: readMachineTime(), control });
  };
  const result = await runFlood(context.kube, generator, request, {
    signal: context.signal,
    onWindowBegin: read,
    onWindowEnd: read,
  });
  const [begin, end] = readings;
  if (begin === undefined || end === undefined) throw new Error('the generator announced no measured window');
  const controlSeconds = begin.control === null || end.control === null ? null : end.control - begin.control;
  return { ...result, busySeconds: busyBetween(begin.machine, end.machine).busySeconds, controlSeconds };
}

/**
 * Sends one flood, and holds what every hop's counters grew by against it.
 * @throws LabError LAB_PATH_NOT_PROVEN with each claim that does not hold.
 */
export async function provePath(context: DataPlaneContext, subject: Subject, load: FloodLoad): Promise<void> {
  const { planned, deployed } = subject;
  await planned.dataPlane.prepare?.(context, planned.testCase);
  const before = await readPath(context, planned, deployed.workload);
  const { totals } = await flood(context, subject, load);
  const growth = growthOf(before, await readPath(context, planned, deployed.workload));
  const broken = checkPath(planned, growth, totals).filter(({ held }) => !held);
  if (broken.length === 0) return;
  const lines = broken.map(
    ({ claim, counter, expected, measured }) => `${claim}: ${counter} ${measured}, not ${expected}`,
  );
  throw new LabError('LAB_PATH_NOT_PROVEN', {
    message: `What was sent did not take the way of ${planned.id}:\n${lines.join('\n')}`,
  });
}

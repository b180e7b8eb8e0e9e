import type { V1Service } from '@kubernetes/client-node';
import type { Cluster, Pool } from '../../clusters/cluster.ts';
import type { Placement } from '../../results/vocabulary.ts';
import { type Deployed, deployScenario } from '../run/deploy.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from '../run/plan.ts';
import { loadScenario } from '../run/scenario.ts';

/** A test case with its pods, and the address of the Service that it is asked by. */
export type Subject = { planned: PlannedCase; deployed: Deployed; host: string };

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
): Promise<readonly Subject[]> {
  const scenario = await loadScenario('latency');
  const cases = planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements });
  const pods = new Map(
    await Promise.all(
      pools.map(async (pool) => {
        const dataPlane = dataPlaneOf(pool);
        const deployed = await deployScenario({ kube, signal, progress }, { scenario, pool, dataPlane, placements });
        const path = `/api/v1/namespaces/${pool.namespace}/services/workload`;
        const service = await kube.json<V1Service>('GET', path, { signal });
        return [pool.name, { deployed, host: service.spec?.clusterIP ?? '' }] as const;
      }),
    ),
  );
  return cases
    .filter(({ skipped }) => skipped === null)
    .flatMap((planned): Subject[] => {
      const own = pods.get(planned.testCase.pool.name);
      return own === undefined ? [] : [{ planned, ...own }];
    });
}

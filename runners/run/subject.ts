import type { V1Pod, V1PodList, V1Service } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Role } from '../../results/vocabulary.ts';
import { areCurrent, type ContainerCgroup, findContainerCgroups } from '../probes/pod-cgroups.ts';
import type { Deployed } from './deploy.ts';
import { dataPlaneOf } from './plan.ts';

/** What blocks on a pool need to know: its pods, the Service's address, and the cgroups to read. */
export type Subject = { deployed: Deployed; clusterIp: string; containers: readonly ContainerCgroup[] };

/** Finds the subject of each pool, and anew when one of its containers is no longer the one that was found. */
export function subjectFinder(
  context: DataPlaneContext,
  deployed: ReadonlyMap<string, Deployed>,
): (pool: Pool) => Promise<Subject> {
  const known = new Map<string, Subject>();
  return async (pool) => {
    const before = known.get(pool.name);
    if (before !== undefined && areCurrent(before.containers)) return before;
    const there = deployed.get(pool.name);
    if (there === undefined) throw new Error(`pool ${pool.name} was not deployed`);
    const found = await findSubject(context, pool, there);
    known.set(pool.name, found);
    return found;
  };
}

async function findSubject({ kube, signal }: DataPlaneContext, pool: Pool, deployed: Deployed): Promise<Subject> {
  const [service, ...lists] = await Promise.all([
    kube.json<V1Service>('GET', `/api/v1/namespaces/${pool.namespace}/services/workload`, { signal }),
    kube.json<V1PodList>('GET', `/api/v1/namespaces/${pool.namespace}/pods`, { signal }),
    kube.json<V1PodList>('GET', `/api/v1/namespaces/${pool.systemNamespace}/pods`, { signal }),
  ]);
  const dataPlane = dataPlaneOf(pool);
  const roleOf = (pod: V1Pod, container: string): Role | null =>
    dataPlane.role(pod, container) ?? (pod.metadata?.labels?.['lab.role'] as Role | undefined) ?? null;
  const pods = lists.flatMap(({ items }) => items);
  return { deployed, clusterIp: service.spec?.clusterIP ?? '', containers: findContainerCgroups(pods, roleOf) };
}

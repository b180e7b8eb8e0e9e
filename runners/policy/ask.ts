import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Cluster } from '../../clusters/cluster.ts';
import { planesWith } from '../cli/planes-with.ts';
import type { EndName } from './end.ts';
import type { TracedPort } from './port.ts';
import { type ClusterObjects, resolveSource, resolveTargets } from './resolve.ts';
import { type Judge, type Trace, traceConnection } from './trace.ts';

/** A connection as it is asked about. */
export type Connection = { from: EndName; to: EndName; port: TracedPort };

/**
 * Traces a connection in a cluster.
 * @throws LabError LAB_ABILITY_MISSING where none of its data planes enforces policies, and what `resolve.ts` says of names.
 */
export async function askPolicy(cluster: Cluster, { from, to, port }: Connection, signal: AbortSignal): Promise<Trace> {
  const judge = judgeOf(cluster, signal);
  const objects = await readObjects(cluster, signal);
  const source = resolveSource(from, objects);
  const targets = resolveTargets(to, port, objects, source.kind === 'pod' ? source.node : null);
  return await traceConnection(source, targets, judge);
}

async function readObjects({ kube }: Cluster, signal: AbortSignal): Promise<ClusterObjects> {
  const list = async <T>(path: string): Promise<T[]> =>
    (await kube.json<{ items: T[] }>('GET', path, { signal })).items;
  const [pods, services, slices, nodes] = await Promise.all([
    list<V1Pod>('/api/v1/pods'),
    list<V1Service>('/api/v1/services'),
    list<V1EndpointSlice>('/apis/discovery.k8s.io/v1/endpointslices'),
    list<V1Node>('/api/v1/nodes'),
  ]);
  return { pods, services, slices, nodes };
}

function judgeOf({ kube, pools }: Cluster, signal: AbortSignal): Judge {
  const able = planesWith(pools, 'tracePolicy', 'enforces policies');
  const context = { kube, signal, progress: () => undefined };
  return (node) => {
    const found = able.find(({ pool }) => pool.nodes.includes(node));
    const pool = pools.find(({ nodes }) => nodes.includes(node));
    return {
      dataPlane: pool?.dataPlane ?? 'none',
      ask: found === undefined ? null : (question) => found.member(context, found.pool, question),
    };
  };
}

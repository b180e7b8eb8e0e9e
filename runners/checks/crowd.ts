import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster, Pool } from '../../clusters/cluster.ts';

/** Pods of one group have the same labels, and so the same identity. */
const groups = 20;
const podsTimeoutSeconds = 180;

/** Starts pods that do nothing, half of them on each node of a pool, and resolves when all of them run. */
export async function startCrowd(
  { kube }: Cluster,
  pool: Pool,
  { size, signal }: { size: number; signal: AbortSignal },
): Promise<void> {
  const path = `/api/v1/namespaces/${pool.namespace}/pods`;
  for (let number = 0; number < size; number++) await kube.json('POST', path, { body: crowdPod(pool, number), signal });
  await kube.waitFor<V1Pod>(path, {
    signal,
    timeoutSeconds: podsTimeoutSeconds,
    what: `${size} pods to run`,
    labelSelector: 'crowd',
    condition: (pods) => pods.filter(({ status }) => status?.phase === 'Running').length === size,
    describe: (pods) => `${pods.filter(({ status }) => status?.phase === 'Running').length} do`,
  });
}

function crowdPod(pool: Pool, number: number): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `crowd-${number}`, namespace: pool.namespace, labels: { crowd: `group-${number % groups}` } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': pool.nodes[number % 2] ?? pool.nodes[0] },
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'sleep', image: 'lab/node-tools:lab', command: ['sleep', 'infinity'] }],
    },
  };
}

import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import type { Cluster } from '../clusters/cluster.ts';
import { nodePodLabels } from '../datapath/node-command.ts';
import { removeScenario } from './run/deploy.ts';
import { removeServices } from './run/services.ts';

const removalTimeoutSeconds = 30;
const labelSelector = Object.entries(nodePodLabels)
  .map(([name, value]) => `${name}=${value}`)
  .join(',');

/**
 * Removes from a cluster that is up what a command left there that was killed: scenarios, and pods that run a command on
 * a node. Resolves when they are gone. The caller holds the lock, so that nobody is using them.
 */
export async function removeRemains({ kube, pools }: Cluster, { signal }: { signal: AbortSignal }): Promise<void> {
  await Promise.all([...pools.map((pool) => removeScenario(kube, pool, signal)), removeServices(kube, signal)]);
  const { items } = await kube.json<V1PodList>('GET', '/api/v1/pods', { query: { labelSelector }, signal });
  if (items.length === 0) return;
  await kube.delete(
    items.map(({ metadata }) => ({ apiVersion: 'v1', kind: 'Pod', metadata: metadata ?? {} })),
    signal,
  );
  await kube.waitFor<V1Pod>('/api/v1/pods', {
    signal,
    timeoutSeconds: removalTimeoutSeconds,
    what: 'the commands on nodes that a killed lab left to end',
    labelSelector,
    condition: (pods) => pods.length === 0,
    describe: (pods) => pods.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).join('\n'),
  });
}

import type { V1Node } from '@kubernetes/client-node';
import type { ClusterStart } from '../cluster-start.ts';
import { LabError } from '../error.ts';
import type { Kube } from '../kube/kube.ts';
import { kindWorkers } from './kind-config.ts';

export const registerTimeoutSeconds = 60;

/**
 * Waits until every worker's kubelet has registered its node: kind ends when all have joined, which a kubelet that ends
 * over and over has too.
 * @returns the workers that have not within a time.
 */
export async function waitForNodes(kube: Kube, { pools, signal, progress }: ClusterStart): Promise<readonly string[]> {
  progress('waiting for the nodes to register');
  let missing = kindWorkers(pools).map(({ node }) => node);
  const waited = kube.waitFor<V1Node>('/api/v1/nodes', {
    signal,
    timeoutSeconds: registerTimeoutSeconds,
    what: 'the nodes to register',
    condition(nodes) {
      const names = nodes.map(({ metadata }) => metadata?.name);
      missing = missing.filter((node) => !names.includes(node));
      return missing.length === 0;
    },
  });
  await waited.catch((error: unknown) => {
    if (!(error instanceof LabError) || error.code !== 'LAB_WAIT_TIMEOUT') throw error;
  });
  return missing;
}

import type { ClusterStart } from '../cluster-start.ts';
import { LabError } from '../error.ts';
import type { Engine } from './engine.ts';
import { saveNodeLogs } from './node-logs.ts';

/** The error of a cluster that cannot be used, with the last lines of the kubelets of `silent`; all nodes' logs are kept. */
export async function startFailure(
  error: Error,
  silent: readonly string[],
  engine: Engine,
  { pools, signal }: ClusterStart,
): Promise<LabError> {
  const { where, kubelet } = await saveNodeLogs(engine, pools, signal);
  const tails = silent.map(
    async (node) => `\nLast lines of the kubelet of ${node}:\n${(await kubelet(node)) ?? 'none'}`,
  );
  return new LabError('LAB_CLUSTER_START_FAILED', {
    message: `The kind cluster could not be brought up: ${error.message}${(await Promise.all(tails)).join('')}`,
    remedy: where,
    cause: error,
  });
}

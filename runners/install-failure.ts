import type { V1ContainerStatus, V1Pod, V1PodList } from '@kubernetes/client-node';
import type { Pool } from '../clusters/cluster.ts';
import { LabError } from '../clusters/error.ts';
import type { Kube } from '../clusters/kube.ts';

const logLines = 8;
const timeoutSeconds = 10;

/**
 * The error of a data plane that did not come up in time, with the last log lines of its containers that are not ready;
 * any other error as it is.
 */
export async function installFailure(error: unknown, kube: Kube, pools: readonly Pool[]): Promise<unknown> {
  if (!(error instanceof LabError) || error.code !== 'LAB_WAIT_TIMEOUT') return error;
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  // Where not even the API server answers, what failed first is still what is to be told.
  const logs = await Promise.all(
    pools.map(({ systemNamespace }) => logsOf(kube, systemNamespace, signal).catch(() => [])),
  );
  return new LabError('LAB_DATA_PLANE_NOT_READY', {
    message: [error.message, ...logs.flat()].join('\n'),
    remedy: 'To look at it with `lab kubectl`, start again with --retain, which leaves the cluster as it is.',
    cause: error,
  });
}

async function logsOf(kube: Kube, namespace: string, signal: AbortSignal): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await kube.json<V1PodList>('GET', path, { signal });
  const troubled = items.flatMap((pod) => statusesOf(pod).map((status) => ({ pod, status })));
  return await Promise.all(
    troubled.map(async ({ pod, status }) => {
      const title = `Last lines of ${status.name} in ${namespace}/${pod.metadata?.name}:`;
      const query = { container: status.name, tailLines: String(logLines), previous: String(status.restartCount > 0) };
      const response = await kube.request('GET', `${path}/${pod.metadata?.name}/log`, { query, signal });
      const text = (await response.text()).trim();
      return `${title}\n${response.ok && text !== '' ? text : 'none'}`;
    }),
  );
}

function statusesOf({ status }: V1Pod): V1ContainerStatus[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.filter(({ ready, state }) => !ready && state?.terminated?.exitCode !== 0);
}

import type { V1ContainerStatus, V1NodeList, V1Pod, V1PodList } from '@kubernetes/client-node';
import type { Pool } from '../clusters/cluster.ts';
import { LabError } from '../clusters/error.ts';
import type { NodeLogs } from '../clusters/kind/node-logs.ts';
import type { Kube } from '../clusters/kube/kube.ts';
import type { BroughtUp } from '../clusters/life/bring-up.ts';

const logLines = 8;
const timeoutSeconds = 10;
/** Kubelets' and containers' logs of ten nodes, on two cores. */
const exportSeconds = 60;

/** Where a data plane was to be installed. */
type Site = { kube: Kube; pools: readonly Pool[] } & Pick<BroughtUp, 'saveNodeLogs'>;

/**
 * The error of a data plane that did not come up in time, with the nodes that are not ready and the last log lines of its
 * containers that are not; any other error as it is. The nodes' logs are kept.
 */
export async function installFailure(error: unknown, { kube, pools, saveNodeLogs }: Site): Promise<unknown> {
  if (!(error instanceof LabError) || error.code !== 'LAB_WAIT_TIMEOUT') return error;
  const logs = await saveNodeLogs(AbortSignal.timeout(exportSeconds * 1000));
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  // Where not even the API server answers, what failed first is still what is to be told.
  const [nodes, ...containers] = await Promise.all([
    unreadyNodes(kube, logs, signal).catch(() => []),
    ...pools.map(({ systemNamespace }) => logsOf(kube, systemNamespace, signal).catch(() => [])),
  ]);
  const remedy = 'To look at it with `lab kubectl`, start again with --retain, which leaves the cluster as it is.';
  return new LabError('LAB_DATA_PLANE_NOT_READY', {
    message: [error.message, ...nodes, ...containers.flat()].join('\n'),
    remedy: logs === null ? remedy : `${logs.where} ${remedy}`,
    cause: error,
  });
}

async function unreadyNodes(kube: Kube, logs: NodeLogs | null, signal: AbortSignal): Promise<string[]> {
  const { items } = await kube.json<V1NodeList>('GET', '/api/v1/nodes', { signal });
  const troubled = items.flatMap(({ metadata, status }) => {
    const condition = status?.conditions?.find(({ type }) => type === 'Ready');
    return condition?.status === 'True' ? [] : [{ name: metadata?.name ?? '', why: condition?.message ?? 'no word' }];
  });
  return await Promise.all(
    troubled.map(async ({ name, why }) => {
      const tail = await logs?.kubelet(name);
      return `Node ${name} is not ready: ${why}${tail ? `\nLast lines of its kubelet:\n${tail}` : ''}`;
    }),
  );
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

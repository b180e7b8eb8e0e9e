import type { V1PodList } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube.ts';
import { statusPort } from './agent/places.ts';

/** Asks the agent of a node, by way of the API server. @throws LabError LAB_AGENT_UNREACHABLE with what came instead. */
export async function askAgent<T>(
  { kube, signal }: { kube: Kube; signal: AbortSignal },
  { namespace, node, path }: { namespace: string; node: string; path: string },
): Promise<T> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await kube.json<V1PodList>('GET', pods, {
    query: { labelSelector: 'app=sidecarless-agent', fieldSelector: `spec.nodeName=${node}` },
    signal,
  });
  const agent = items.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.metadata?.name;
  if (agent === undefined) {
    throw new LabError('LAB_AGENT_UNREACHABLE', { message: `There is no node agent on ${node} in ${namespace}` });
  }
  const response = await kube.request('GET', `${pods}/${agent}:${statusPort}/proxy${path}`, { signal });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as T;
  throw new LabError('LAB_AGENT_UNREACHABLE', {
    message: `The node agent on ${node} does not answer ${path}: ${response.status} ${text.trim()}`,
  });
}

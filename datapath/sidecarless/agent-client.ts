import type { V1PodList } from '@kubernetes/client-node';
import type { Response } from 'undici';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { statusPort } from './node/paths.ts';

type AgentContext = { kube: Kube; signal: AbortSignal };

/** A path of the agent on a node. */
export type AgentPath = { namespace: string; node: string; path: string };

/** Asks the agent of a node, by way of the API server. @throws LabError LAB_AGENT_UNREACHABLE with what came instead. */
export async function askAgent<T>(context: AgentContext, path: AgentPath): Promise<T> {
  const response = await requestAgent(context, path);
  return JSON.parse(await response.text()) as T;
}

/** How long an agent that has something to tell is silent at most. */
const silenceMs = 15_000;

/**
 * The lines that the agent of a node answers with, as JSON, for as long as there are any.
 * @throws LabError LAB_AGENT_UNREACHABLE where it cannot be asked, or is silent for 15 s.
 */
export async function* streamFromAgent<T>(context: AgentContext, path: AgentPath): AsyncGenerator<T, void> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(unreachable(path, `silent for ${silenceMs / 1000} s`)), silenceMs);
  try {
    const signal = AbortSignal.any([context.signal, silent.signal]);
    const { body } = await requestAgent({ ...context, signal }, path);
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body ?? []) {
      timer.refresh();
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as T;
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

async function requestAgent({ kube, signal }: AgentContext, agentPath: AgentPath): Promise<Response> {
  const { namespace, node, path } = agentPath;
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
  if (response.ok) return response;
  throw unreachable(agentPath, `${response.status} ${(await response.text()).trim()}`);
}

function unreachable({ node, path }: AgentPath, what: string): LabError {
  return new LabError('LAB_AGENT_UNREACHABLE', {
    message: `The node agent on ${node} does not answer ${path.replace(/\?.*/, '')}: ${what}`,
  });
}

import type { V1Pod } from '@kubernetes/client-node';
import type { Pool } from '../../../../clusters/cluster.ts';
import type { DataPlaneContext } from '../../../data-plane.ts';
import { askAgent } from '../../agent-client.ts';
import { Flow } from '../../flow/flow.ts';
import { statusPort } from '../../node/paths.ts';

/** The node agents of a pool, as a test asks them. */
export type Agents = {
  /** Names of the policies that each of them enforces; null where that is not yet all that it has read. */
  policies(): Promise<(string[] | null)[]>;
  /** The last flows of all of them that are younger than `since`, an RFC 3339 time. */
  flows(since: string): Promise<Flow[]>;
  /** Time of the youngest flow. */
  lastFlow(): Promise<string>;
  /** By name of a metric and its labels, as Prometheus reads them, one map for each agent. */
  metrics(): Promise<ReadonlyMap<string, number>[]>;
  /** Lines of their logs that tell of an error. */
  errors(): Promise<string[]>;
  /** Ends them without a chance to clean up. */
  kill(): Promise<void>;
};

const keptFlows = 600;

export function agentsOf(context: DataPlaneContext, { systemNamespace: namespace, nodes }: Pool): Agents {
  const { kube, signal } = context;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const ask = <T>(path: string): Promise<T[]> =>
    Promise.all(nodes.map((node) => askAgent<T>(context, { namespace, node, path })));
  const pods = async (): Promise<string[]> => {
    const { items } = await kube.json<{ items: V1Pod[] }>('GET', path, {
      query: { labelSelector: 'app=sidecarless-agent' },
      signal,
    });
    return items.map(({ metadata }) => metadata?.name ?? '');
  };
  const texts = async (suffix: string): Promise<string[]> =>
    Promise.all(
      (await pods()).map(async (pod) => (await kube.request('GET', `${path}/${pod}${suffix}`, { signal })).text()),
    );
  type Answer = { flows: { flow: { time: string } }[] };
  return {
    async policies() {
      type Status = { policies: { name: string }[]; policyRevision: { read: number; enforced: number } };
      const answers = await ask<Status>('/status');
      return answers.map(({ policies, policyRevision: { read, enforced } }) =>
        read === enforced ? policies.map(({ name }) => name) : null,
      );
    },
    async flows(since) {
      const answers = await ask<Answer>(`/flows.json?last=${keptFlows}`);
      const young = answers.flatMap(({ flows }) => flows).filter(({ flow }) => flow.time > since);
      return young.map(({ flow }) => Flow.parse(flow));
    },
    async lastFlow() {
      const answers = await ask<Answer>('/flows.json?last=1');
      const times = answers.flatMap(({ flows }) => flows.map(({ flow }) => flow.time));
      return times.sort().at(-1) ?? '';
    },
    metrics: async () => (await texts(`:${statusPort}/proxy/metrics`)).map(readMetrics),
    async errors() {
      const lines = (await texts('/log')).flatMap((text) => text.split('\n'));
      // What is not a line of the agent's own is what Node.js says when it dies.
      return lines.filter((line) => line !== '' && (!line.startsWith('{') || JSON.parse(line).level === 'error'));
    },
    async kill() {
      for (const pod of await pods()) {
        await kube.json('DELETE', `${path}/${pod}`, { query: { gracePeriodSeconds: '0' }, signal });
      }
    },
  };
}

function readMetrics(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

import type { KubernetesObject } from '@kubernetes/client-node';
import { type Cluster, type Pool, poolOf } from '../../clusters/cluster.ts';
import { placements } from '../../results/vocabulary.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { startCrowd } from './crowd.ts';
import { report } from './finding.ts';
import { durationFindings } from './quantiles.ts';
import { type Reach, reachOf } from './reach.ts';
import { deploySubjects } from './subject.ts';

/** Each has four changes of policy. */
const defaultRounds = 30;
/** With the scenario's own three. */
const podsBeside = 97;
const limitSeconds = 0.1;
/** One that no data plane takes for another's: plaintext, l4. */
const port = 8082;
const watch = { periodSeconds: 0.001, patienceSeconds: 0.25, longestSeconds: 580 };

/** Seconds from the moment at which a change was sent to the API. */
type Delays = { shut: number[]; cut: number[]; open: number[]; all: number[]; api: number[] };

/** How long clients on both nodes see the old policy after it has been changed. */
export const enforcement: Check = {
  summary: 'from a change of policy to packets treated accordingly, with 100 pods: p99 ≤ 100 ms (120 changes)',
  async run(input) {
    const pool = poolOf('sidecarless', 'sidecarless');
    const context = { signal: input.signal, progress: input.progress };
    const delays = await exclusively(() => withOwnCluster([pool], context, (cluster) => measure(cluster, pool, input)));
    return report(
      'enforcement',
      [
        ...durationFindings('all changes, until the last client', delays.all, { p99: limitSeconds }),
        ...durationFindings('deny, new connections', delays.shut),
        ...durationFindings('deny, open connections', delays.cut),
        ...durationFindings('allow', delays.open),
        ...durationFindings('of that, the API server’s answer', delays.api),
      ],
      input,
    );
  },
};

async function measure(cluster: Cluster, pool: Pool, { count, signal, progress }: CheckInput): Promise<Delays> {
  const { kube } = cluster;
  const subjects = await deploySubjects(cluster, { pools: [pool], placements, signal, progress });
  const deployed = subjects[0]?.deployed;
  if (deployed === undefined) throw new Error('nothing was deployed');
  progress(`${podsBeside} more pods`);
  await startCrowd(cluster, pool, { size: podsBeside, signal });
  const address = `${deployed.workload.status?.podIP}:${port}`;
  const over = new AbortController();
  const watching = AbortSignal.any([signal, over.signal]);
  const clients = [...deployed.generators.values()].map((pod) => reachOf(kube, pod, { address, ...watch }, watching));
  try {
    return await changePolicies(cluster, pool, clients, { count, signal, progress });
  } finally {
    over.abort();
  }
}

async function changePolicies(
  cluster: Cluster,
  pool: Pool,
  clients: readonly Reach[],
  { count, signal, progress }: Pick<CheckInput, 'count' | 'signal' | 'progress'>,
): Promise<Delays> {
  await seenBy(clients, ['open', 'kept']);
  const delays: Delays = { shut: [], cut: [], open: [], all: [], api: [] };
  const [isolation, permission] = [isolate(pool), permit(pool)];
  const rounds = count ?? defaultRounds;
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    const change = async (
      events: readonly ('shut' | 'cut' | 'open')[],
      send: () => Promise<unknown>,
    ): Promise<void> => {
      const sent = monotonicSeconds();
      await send();
      delays.api.push(monotonicSeconds() - sent);
      const at = await seenBy(clients, events);
      const after = events.map((event, index) => {
        const longest = Math.max(...(at[index] ?? [])) - sent;
        delays[event].push(longest);
        return longest;
      });
      delays.all.push(Math.max(...after));
      // The next change must befall a connection that is open again.
      if (events.includes('open')) await seenBy(clients, ['kept']);
    };
    await change(['shut', 'cut'], () => create(cluster, isolation, signal));
    await change(['open'], () => create(cluster, permission, signal));
    await change(['shut', 'cut'], () => cluster.kube.delete([permission], signal));
    await change(['open'], () => cluster.kube.delete([isolation], signal));
  }
  return delays;
}

/** When each client saw each of these events. */
function seenBy(clients: readonly Reach[], events: readonly Parameters<Reach['next']>[0][]): Promise<number[][]> {
  return Promise.all(events.map((event) => Promise.all(clients.map((client) => client.next(event)))));
}

async function create({ kube }: Cluster, policy: KubernetesObject, signal: AbortSignal): Promise<void> {
  const path = `/apis/networking.k8s.io/v1/namespaces/${policy.metadata?.namespace}/networkpolicies`;
  await kube.json('POST', path, { body: policy, signal });
}

/** Nobody may send to the workload, */
function isolate(pool: Pool): KubernetesObject {
  return policyOf(pool, 'isolate', []);
}

/** but the generators, again. */
function permit(pool: Pool): KubernetesObject {
  const podSelector = { matchLabels: { 'lab.role': 'generator' } };
  return policyOf(pool, 'permit', [{ from: [{ podSelector }], ports: [{ protocol: 'TCP', port }] }]);
}

function policyOf(pool: Pool, name: string, ingress: object[]): KubernetesObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: pool.namespace },
    spec: { podSelector: { matchLabels: { app: 'workload' } }, policyTypes: ['Ingress'], ingress },
  } as KubernetesObject;
}

function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

import type { KubernetesObject, V1Pod, V1PodList } from '@kubernetes/client-node';
import { type Cluster, type Pool, poolOf } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import { pluginName } from '../../datapath/sidecarless/cni/plugin.ts';
import { type ProcessLife, type ProcessLives, watchProcessLives } from '../probes/process-lives.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { report } from './finding.ts';
import { durationFindings } from './quantiles.ts';

const defaultPods = 300;
/** As a deployment starts them: half of them on each node. */
const podsAtOnce = 10;
/** Pods that come alone, on top. */
const alone = 20;
const podsTimeoutSeconds = 90;
const limits = { p50: 0.04, p99: 0.15 } as const;

/** What the runtime has waited for the plugin: the program's whole life, from exec to exit. */
type Waits = { burst: number[]; alone: number[]; deletions: number[] };

/** How long containerd waits for the plugin, with real pods on kind. */
export const cni: Check = {
  summary: 'CNI ADD on kind, from the plugin’s exec to its exit: p50 ≤ 40 ms, p99 ≤ 150 ms (300 pods)',
  async run(input) {
    const pool = poolOf('sidecarless', 'sidecarless');
    const context = { signal: input.signal, progress: input.progress };
    const { waits, inAgent } = await exclusively(() =>
      withOwnCluster([pool], context, (cluster) => measure(cluster, pool, input), 'kind'),
    );
    return report(
      'cni',
      [
        ...durationFindings(`ADD, ${podsAtOnce} pods at once`, waits.burst, limits),
        ...durationFindings('ADD, one pod', waits.alone),
        ...durationFindings('of all ADDs, in the agent', inAgent),
        ...durationFindings('DEL, repeats for what is gone included', waits.deletions),
      ],
      input,
    );
  },
};

async function measure(
  cluster: Cluster,
  pool: Pool,
  input: CheckInput,
): Promise<{ waits: Waits; inAgent: readonly number[] }> {
  const { kube } = cluster;
  await kube.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: pool.namespace } }], input.signal);
  const lives = await watchProcessLives(pluginName, 'CNI_COMMAND');
  try {
    const waits: Waits = { burst: [], alone: [], deletions: [] };
    const pods = input.count ?? defaultPods;
    const round = async (first: number, size: number, into: number[]): Promise<void> => {
      input.progress(`pod ${first + size} of ${pods + alone}`);
      const { additions, deletions } = await comeAndGo(cluster, pool, lives, { first, size, signal: input.signal });
      into.push(...additions.map(({ seconds }) => seconds));
      waits.deletions.push(...deletions.map(({ seconds }) => seconds));
    };
    for (let first = 0; first < pods; first += podsAtOnce)
      await round(first, Math.min(podsAtOnce, pods - first), waits.burst);
    for (let first = pods; first < pods + alone; first++) await round(first, 1, waits.alone);
    return { waits, inAgent: await agentDurations(cluster, pool, input.signal) };
  } finally {
    await lives.close();
  }
}

/**
 * Starts pods and ends them again.
 * @throws LabError LAB_CNI_CALLS_MISCOUNTED where there was not one ADD for each pod.
 */
async function comeAndGo(
  { kube }: Cluster,
  pool: Pool,
  lives: ProcessLives,
  { first, size, signal }: { first: number; size: number; signal: AbortSignal },
): Promise<{ additions: ProcessLife[]; deletions: ProcessLife[] }> {
  const path = `/api/v1/namespaces/${pool.namespace}/pods`;
  const pods = Array.from({ length: size }, (_, index) => podOn(pool, first + index));
  const settled = (what: string, condition: (found: readonly V1Pod[]) => boolean): Promise<unknown> =>
    kube.waitFor<V1Pod>(path, {
      ...{ signal, timeoutSeconds: podsTimeoutSeconds, what: `${size} pods to ${what}`, condition },
      describe: (found) => found.map(({ metadata, status }) => `${metadata?.name}: ${status?.phase}`).join('\n'),
    });
  lives.take();
  await Promise.all(pods.map((body) => kube.json('POST', path, { body, signal })));
  await settled('run', (found) => found.filter(({ status }) => status?.phase === 'Running').length === size);
  const lived = lives.take();
  const additions = additionsAmong(lived, size);
  await Promise.all(pods.map(({ metadata }) => kube.json('DELETE', `${path}/${metadata?.name}`, { signal })));
  await settled('go', (found) => found.length === 0);
  return { additions, deletions: [...lived, ...lives.take()].filter(({ variable }) => variable === 'DEL') };
}

/**
 * The ADDs among the calls while pods started. kubelet has sandboxes that are gone deleted once more every minute, so there
 * are others. One that was over before it could be looked at is an ADD where each of them must be, for there is one for
 * each pod that runs.
 */
function additionsAmong(lived: readonly ProcessLife[], size: number): ProcessLife[] {
  const known = lived.filter(({ variable }) => variable === 'ADD');
  const unknown = lived.filter(({ variable }) => variable === null);
  if (known.length === size) return known;
  if (known.length + unknown.length === size) return [...known, ...unknown];
  throw miscounted(size, lived);
}

function miscounted(size: number, lived: readonly ProcessLife[]): LabError {
  const kinds = lived.map(({ variable }) => variable ?? 'too short to tell').join(', ');
  return new LabError('LAB_CNI_CALLS_MISCOUNTED', {
    message: `Each of ${size} pods runs, and the calls of the plugin meanwhile were not one ADD for each: ${kinds}`,
    remedy: 'Try again while the machine does nothing else.',
  });
}

function podOn(pool: Pool, number: number): KubernetesObject & V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${number}`, namespace: pool.namespace, labels: { app: `app-${number % podsAtOnce}` } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': pool.nodes[number % 2] ?? pool.nodes[0] },
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      containers: [{ name: 'workload', image: 'lab/workload:lab' }],
    },
  };
}

/** What the agents say of their own part in every ADD, in seconds. */
async function agentDurations({ kube }: Cluster, pool: Pool, signal: AbortSignal): Promise<number[]> {
  const pods = `/api/v1/namespaces/${pool.systemNamespace}/pods`;
  const { items } = await kube.json<V1PodList>('GET', pods, {
    query: { labelSelector: 'app=sidecarless-agent' },
    signal,
  });
  const logs = await Promise.all(
    items.map(async ({ metadata }) => (await kube.request('GET', `${pods}/${metadata?.name}/log`, { signal })).text()),
  );
  return logs
    .flatMap((log) => log.split('\n'))
    .filter((line) => line.includes('"CNI ADD"'))
    .map((line) => (JSON.parse(line) as { durationSeconds: number }).durationSeconds);
}

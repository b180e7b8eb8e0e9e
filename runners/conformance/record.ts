import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  CoreV1Event,
  CoreV1EventList,
  KubernetesObject,
  V1ContainerState,
  V1ContainerStatus,
  V1Pod,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import type { Kube } from '../../clusters/kube/kube.ts';

/** What became of a container: how it waits, runs or has ended, now and the time before. */
type ContainerRecord = {
  name: string;
  ready: boolean;
  started: boolean | null;
  state: string;
  last: string | null;
  resources: object | null;
  allocated: object | null;
  mounts: readonly string[];
};

/** What a cluster made of a pod, without what differs from one time to the next: times, addresses, ids. */
export type PodRecord = {
  phase: string;
  qosClass: string;
  conditions: readonly string[];
  /** Types of conditions that hold, in the order in which they came to. */
  order: readonly string[];
  initContainers: readonly ContainerRecord[];
  containers: readonly ContainerRecord[];
  events: readonly string[];
  /** How its containers had ended when it was deleted; null where it was not. */
  end: readonly string[] | null;
};

const namespace = 'lab-conformance';
const timeoutSeconds = 120;

/** Applies the manifests, waits until every pod has come to rest, and returns what became of each; removes them again. */
export async function recordPods(kube: Kube, signal: AbortSignal): Promise<Record<string, PodRecord>> {
  const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await kube.apply([home], signal);
  try {
    await kube.waitFor(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
      ...{ signal, timeoutSeconds, what: 'the default service account' },
      condition: (accounts) => accounts.length > 0,
    });
    const objects = await manifests();
    await kube.apply(objects, signal);
    // The DaemonSet has one on each of the pool's nodes.
    const expectedPods = objects.reduce(
      (sum, { kind }) => sum + (kind === 'Pod' ? 1 : kind === 'DaemonSet' ? 2 : 0),
      0,
    );
    const pods = await kube.waitFor<V1Pod>(`/api/v1/namespaces/${namespace}/pods`, {
      ...{ signal, timeoutSeconds, what: 'the pods to come to rest' },
      condition: (found) => found.length === expectedPods && found.every(isSettled),
      describe: (found) =>
        found
          .filter((pod) => !isSettled(pod))
          .map(describe)
          .join('\n'),
    });
    const ends = new Map<string, readonly string[]>();
    for (const pod of pods.filter(({ metadata }) => metadata?.annotations?.['lab.delete'] === 'true')) {
      ends.set(nameOf(pod), await endOf(kube, pod, signal));
    }
    const records = new Map<string, PodRecord>();
    for (const pod of pods) {
      const events = await eventsOf(kube, pod, signal);
      const made = record(pod, events, ends.get(nameOf(pod)) ?? null);
      // Pods of the DaemonSet share a name here: what became of one became of the other.
      assert.deepEqual(made, records.get(nameOf(pod)) ?? made, `both pods ${nameOf(pod)}`);
      records.set(nameOf(pod), made);
    }
    return Object.fromEntries([...records].sort(([one], [other]) => (one < other ? -1 : 1)));
  } finally {
    await kube.delete([home], signal);
    await kube.waitFor('/api/v1/namespaces', {
      ...{ signal, timeoutSeconds, what: `${namespace} to go`, fieldSelector: `metadata.name=${namespace}` },
      condition: (found) => found.length === 0,
    });
  }
}

async function manifests(): Promise<KubernetesObject[]> {
  const text = await readFile(join(import.meta.dirname, 'manifests.yaml'), 'utf8');
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS() as KubernetesObject;
    return { ...object, metadata: { ...object.metadata, namespace } };
  });
}

function nameOf({ metadata }: V1Pod): string {
  return metadata?.name?.replace(/^(everywhere)-\w+$/, '$1') ?? '';
}

function isSettled(pod: V1Pod): boolean {
  const settled = pod.metadata?.annotations?.['lab.settled'] ?? '';
  const statuses = pod.status?.containerStatuses ?? [];
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const [first] = statuses;
  switch (settled) {
    case 'Ready':
      return ready === 'True';
    case 'unready':
      return first?.state?.running !== undefined && ready === 'False';
    case 'restarted':
      return (first?.restartCount ?? 0) >= 1 && first?.state?.running !== undefined;
    default:
      return pod.status?.phase === settled || `waiting ${first?.state?.waiting?.reason}` === settled;
  }
}

function describe(pod: V1Pod): string {
  const states = (pod.status?.containerStatuses ?? []).map(({ state }) => JSON.stringify(state)).join(' ');
  return `${pod.metadata?.name}: ${pod.metadata?.annotations?.['lab.settled']} is awaited; ${pod.status?.phase} ${states}`;
}

/** Deletes a pod, and returns how its containers had ended when it was last seen. */
async function endOf(kube: Kube, pod: V1Pod, signal: AbortSignal): Promise<readonly string[]> {
  let last: V1Pod = pod;
  const watching = new AbortController();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const synced = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  kube.inform<V1Pod>(path, {
    signal: AbortSignal.any([signal, watching.signal]),
    fieldSelector: `metadata.name=${pod.metadata?.name}`,
    onSync: () => synced.resolve(),
    onChange: (seen, deleted) => {
      last = seen;
      if (deleted) gone.resolve();
    },
  });
  await synced.promise;
  await kube.json('DELETE', `${path}/${pod.metadata?.name}`, { signal });
  await gone.promise;
  watching.abort();
  return (last.status?.containerStatuses ?? []).map(({ state }) => stateOf(state) ?? '');
}

async function eventsOf(kube: Kube, pod: V1Pod, signal: AbortSignal): Promise<readonly CoreV1Event[]> {
  const awaited = pod.metadata?.annotations?.['lab.event'];
  const fieldSelector = `involvedObject.uid=${pod.metadata?.uid}`;
  const path = `/api/v1/namespaces/${namespace}/events`;
  if (awaited !== undefined) {
    await kube.waitFor<CoreV1Event>(path, {
      ...{ signal, timeoutSeconds, what: `an event ${awaited} of ${pod.metadata?.name}`, fieldSelector },
      condition: (events) => events.some(({ reason }) => reason === awaited),
    });
  }
  return (await kube.json<CoreV1EventList>('GET', path, { query: { fieldSelector }, signal })).items;
}

const sandbox = 'PodReadyToStartContainers';

/** Kubelet's caches fill at their own pace: a pod that comes at once waits, with or without an event. */
const slowCache = /failed to sync (configmap|secret) cache/;

function record(pod: V1Pod, events: readonly CoreV1Event[], end: readonly string[] | null): PodRecord {
  const conditions = pod.status?.conditions ?? [];
  // Within one second, which is as fine as their times are.
  const initialised = pod.spec?.initContainers === undefined ? ['Initialized', sandbox] : [sandbox, 'Initialized'];
  const ranks = ['PodScheduled', ...initialised, 'ContainersReady', 'Ready'];
  const time = (value: Date | string | undefined): number => (value === undefined ? 0 : new Date(value).getTime());
  return {
    phase: pod.status?.phase ?? '',
    qosClass: pod.status?.qosClass ?? '',
    conditions: conditions
      .map(({ type, status, reason, message }) => [type, status, reason, message].filter(Boolean).join(' '))
      .sort(),
    order: conditions
      .filter(({ status }) => status === 'True')
      .sort(
        (one, other) =>
          time(one.lastTransitionTime) - time(other.lastTransitionTime) ||
          ranks.indexOf(one.type) - ranks.indexOf(other.type),
      )
      .map(({ type }) => type),
    initContainers: (pod.status?.initContainerStatuses ?? []).map(containerRecord),
    containers: (pod.status?.containerStatuses ?? []).map(containerRecord),
    events: [...new Set(events.map(eventLine).filter((line) => !slowCache.test(line)))].sort(),
    end,
  };
}

function containerRecord(status: V1ContainerStatus): ContainerRecord {
  const { name, ready, started, state, lastState, resources, allocatedResources, volumeMounts = [] } = status;
  return {
    name,
    ready,
    started: started ?? null,
    state: stateOf(state) ?? '',
    last: stateOf(lastState),
    resources: resources ?? null,
    allocated: allocatedResources ?? null,
    mounts: volumeMounts.map((mount) => settled(JSON.stringify(mount, Object.keys(mount).sort()))),
  };
}

function stateOf(state: V1ContainerState | undefined): string | null {
  if (state?.running !== undefined) return 'running';
  if (state?.waiting !== undefined) return `waiting ${state.waiting.reason}: ${settled(state.waiting.message ?? '')}`;
  if (state?.terminated === undefined) return null;
  const { reason, exitCode, signal, message } = state.terminated;
  return `terminated ${reason} ${exitCode}${signal ? ` signal ${signal}` : ''}: ${settled(message ?? '')}`;
}

function eventLine({ type, reason, message, involvedObject }: CoreV1Event): string {
  const where = involvedObject.fieldPath ?? '';
  return `${type} ${reason}${where === '' ? '' : ` ${where}`}: ${settled(message ?? '')}`;
}

/** A message without addresses, ids, names of pods and times. */
function settled(message: string): string {
  return (
    message
      .replace(/\beverywhere-\w{5}\b/g, 'everywhere-…')
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '…')
      .replace(/\b[0-9a-f]{64}\b/g, '…')
      .replace(/\b\d+\.\d+\.\d+\.\d+\b/g, '…')
      .replace(/\bnone-[12]\b/g, '…')
      .replace(/\bkube-api-access-\w{5}\b/g, 'kube-api-access-…')
      .replace(/back-off \w+ restarting/g, 'back-off … restarting')
      // By when there have been ten of them.
      .replace(/^\(combined from similar events\): /, '')
  );
}

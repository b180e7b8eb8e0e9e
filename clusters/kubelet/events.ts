import type { V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../kube/kube.ts';

/** What an event is about. `uid` keeps apart objects that had the same name one after the other. */
export type EventObject = { kind: 'Pod' | 'Node'; namespace: string; name: string; uid: string };

export type PodEvent = {
  object: EventObject;
  node: string;
  /** The container that it is about, as a field path: `spec.containers{app}`. */
  fieldPath?: string | undefined;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
};

export type EventRecorder = {
  /** Reports an event, in order and in the background: an event that cannot be written is lost, as kubelet's is. */
  record(event: PodEvent): void;
  /** Forgets what was reported of an object. */
  forget(uid: string): void;
};

/** Reports an event of one pod; `fieldPath`: the container that it is about, `spec.containers{app}`. */
export type ReportEvent = (type: PodEvent['type'], reason: string, message: string, fieldPath?: string) => void;

/** What reports the events of one pod. */
export function podEvents(recorder: EventRecorder, node: string, { metadata = {} }: V1Pod): ReportEvent {
  const { namespace = '', name = '', uid = '' } = metadata;
  const object: EventObject = { kind: 'Pod', namespace, name, uid };
  return (type, reason, message, fieldPath) => recorder.record({ object, node, fieldPath, type, reason, message });
}

type Known = { name: string; count: number };

/** So many at once for one object, and then one each five minutes (client-go's spam filter). */
const burst = 25;
const refillSeconds = 300;

/** Writes core/v1 events; repeats of one raise its count. */
export function eventRecorder(kube: Kube, log: (line: string) => void): EventRecorder {
  const known = new Map<string, Map<string, Known>>();
  const budgets = new Map<string, { tokens: number; atMs: number }>();
  let queue = Promise.resolve();

  const allowed = (uid: string): boolean => {
    const nowMs = Date.now();
    const budget = budgets.get(uid) ?? { tokens: burst, atMs: nowMs };
    budget.tokens = Math.min(burst, budget.tokens + (nowMs - budget.atMs) / 1000 / refillSeconds);
    budget.atMs = nowMs;
    budgets.set(uid, budget);
    if (budget.tokens < 1) return false;
    budget.tokens--;
    return true;
  };

  const write = async (event: PodEvent, time: string): Promise<void> => {
    const { object, fieldPath, type, reason, message } = event;
    const path = `/api/v1/namespaces/${object.namespace}/events`;
    const key = JSON.stringify([fieldPath, type, reason, message]);
    const ofObject = known.get(object.uid) ?? new Map<string, Known>();
    known.set(object.uid, ofObject);
    const before = ofObject.get(key);
    if (before !== undefined) {
      before.count++;
      const response = await kube.request('PATCH', `${path}/${before.name}`, {
        headers: { 'content-type': 'application/merge-patch+json' },
        body: { count: before.count, lastTimestamp: time },
      });
      await response.text();
      if (response.ok) return;
    }
    const name = `${object.name}.${process.hrtime.bigint().toString(16)}`;
    ofObject.set(key, { name, count: 1 });
    await kube.json('POST', path, { body: eventObject(event, name, time) });
  };

  return {
    record(event) {
      if (!allowed(event.object.uid)) return;
      const time = new Date().toISOString();
      queue = queue.then(() => write(event, time)).catch((error: Error) => log(`event lost: ${error.message}`));
    },
    forget(uid) {
      queue = queue.then(() => {
        known.delete(uid);
        budgets.delete(uid);
      });
    },
  };
}

function eventObject({ object, node, fieldPath, type, reason, message }: PodEvent, name: string, time: string): object {
  const { kind, namespace, name: objectName, uid } = object;
  return {
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: 'v1',
      kind,
      name: objectName,
      uid,
      ...(kind === 'Pod' ? { namespace } : {}),
      ...(fieldPath === undefined ? {} : { fieldPath }),
    },
    type,
    reason,
    message: message.slice(0, 1024),
    source: { component: 'kubelet', host: node },
    reportingComponent: 'kubelet',
    reportingInstance: node,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

import type { Kube } from '../../../clusters/kube/kube.ts';
import type { ParsedPolicy, PolicyName } from '../policy/rule.ts';
import { type PolicyDocument, statusOf } from './condition.ts';
import { eventOf } from './event.ts';

/**
 * What came of a report. `outdated`: the object has changed since, or is gone. `failed`: another attempt may do better.
 */
export type Outcome =
  | { kind: 'reported' }
  | { kind: 'outdated' }
  | { kind: 'failed'; error: string }
  | { kind: 'refused'; error: string };

export type ReportMessage = {
  parsed: ParsedPolicy;
  document: PolicyDocument;
  /** How many have failed. */
  attempts: number;
  now: () => Date;
  signal: AbortSignal;
};

const timeoutMs = 10_000;

/** Without the event the object's status is better than nothing, but only after these attempts. */
const attemptsForEvent = 3;

/**
 * Makes the event, where there are problems, and then writes the status, where the object has one: whoever finds a
 * status needs no event. Never throws.
 */
export async function sendReport(kube: Pick<Kube, 'request'>, message: ReportMessage): Promise<Outcome> {
  const { parsed, document, attempts, now } = message;
  const { policy, problems } = parsed;
  if (problems.length > 0) {
    const event = eventOf(parsed, document, now);
    const made = await send(kube, message, 'POST', `/api/v1/namespaces/${event.metadata.namespace}/events`, event);
    // It is there when another agent was quicker.
    const isThere = made.kind === 'reported' || made.kind === 'outdated';
    if (!isThere && (policy.kind === 'NetworkPolicy' || attempts < attemptsForEvent)) return made;
  }
  const path = statusPath(policy);
  if (path === null) return { kind: 'reported' };
  // The version makes it one of several agents that writes.
  const { resourceVersion } = document.metadata ?? {};
  return send(kube, message, 'PATCH', path, {
    metadata: { resourceVersion },
    status: statusOf(document, problems, now),
  });
}

/** Null for kinds that have no status. */
function statusPath({ kind, namespace, name }: PolicyName): string | null {
  const root = '/apis/cilium.io/v2';
  if (kind === 'CiliumNetworkPolicy') return `${root}/namespaces/${namespace}/ciliumnetworkpolicies/${name}/status`;
  return kind === 'CiliumClusterwideNetworkPolicy' ? `${root}/ciliumclusterwidenetworkpolicies/${name}/status` : null;
}

async function send(
  kube: Pick<Kube, 'request'>,
  { signal }: ReportMessage,
  method: 'POST' | 'PATCH',
  path: string,
  body: object,
): Promise<Outcome> {
  try {
    const response = await kube.request(method, path, {
      query: { fieldManager: 'sidecarless-agent' },
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await response.text();
    if (response.ok) return { kind: 'reported' };
    if (response.status === 404 || response.status === 409) return { kind: 'outdated' };
    const error = `${method} ${path}: ${response.status} ${text.slice(0, 500)}`;
    return { kind: response.status === 400 || response.status === 422 ? 'refused' : 'failed', error };
  } catch (error) {
    return { kind: 'failed', error: `${method} ${path}: ${(error as Error).message}` };
  }
}

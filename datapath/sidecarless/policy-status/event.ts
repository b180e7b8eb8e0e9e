import { createHash } from 'node:crypto';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { ParsedPolicy } from '../policy/rule.ts';
import { messageOf, type PolicyDocument } from './condition.ts';

/**
 * The event that says that an object fails closed. Its name follows from the object and its generation, so that all
 * agents of a cluster make the same one and the API server keeps one of them.
 */
export function eventOf(
  { policy, problems }: ParsedPolicy,
  { apiVersion, metadata }: PolicyDocument,
  now: () => Date,
): CoreV1Event & { metadata: { name: string; namespace: string } } {
  const { name, namespace, kind } = policy;
  const version = JSON.stringify([kind, namespace, name, metadata?.uid, metadata?.generation, problems]);
  const hash = createHash('sha256').update(version).digest('hex').slice(0, 16);
  const time = now();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    // Events of what has no namespace are kept in `default`.
    metadata: { name: `${name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${hash}`, namespace: namespace ?? 'default' },
    involvedObject: {
      apiVersion: apiVersion ?? '',
      kind,
      name,
      ...(namespace === null ? {} : { namespace }),
      ...(metadata?.uid === undefined ? {} : { uid: metadata.uid }),
      ...(metadata?.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
    },
    type: 'Warning',
    reason: 'PolicyInvalid',
    message: messageOf(problems),
    source: { component: 'sidecarless-agent' },
    reportingComponent: 'sidecarless-agent',
    reportingInstance: '',
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

import type { V1Pod } from '@kubernetes/client-node';

/** Marks the pods that have a sidecar. */
export const enrolledAnnotation = 'lab.dataplane/sidecar';

export function isEnrolled({ metadata }: V1Pod): boolean {
  return metadata?.annotations?.[enrolledAnnotation] !== undefined;
}

import type { V1Pod } from '@kubernetes/client-node';

/** Whether a pod serves: its Ready condition is true, and nobody has deleted it. */
export function isPodReady({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp === undefined && hasReadyCondition(status);
}

/** Whether the Ready condition in the status of a pod or a node is true. */
export function hasReadyCondition(
  status: { conditions?: readonly { type: string; status: string }[] } | undefined,
): boolean {
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

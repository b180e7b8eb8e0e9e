import type { V1Pod } from '@kubernetes/client-node';

/** Whether a pod serves: its Ready condition is true, and nobody has deleted it. */
export function isPodReady({ metadata, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

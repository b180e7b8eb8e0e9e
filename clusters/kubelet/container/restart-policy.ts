import type { V1Pod } from '@kubernetes/client-node';
import type { ContainerKind } from './record.ts';

/** Whether a container is started again after its end, as its pod's restart policy says (KEP-753 for sidecars). */
export function restarts(pod: V1Pod, kind: ContainerKind, exitCode: number): boolean {
  if (kind === 'sidecar') return true;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  if (kind === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

import type { Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { meshFailures } from '../envoy/mesh/ready.ts';
import { isEnrolled } from './enrolled.ts';
import { controlPlane } from './places.ts';

/**
 * Resolves when every sidecar of the namespace runs what follows from the API's objects as they are now.
 * @throws LabError LAB_SIDECAR_NOT_READY with what each sidecar said.
 */
export async function sidecarsReady(context: DataPlaneContext, pool: Pool): Promise<void> {
  context.progress(`${pool.name}: sidecars accept their configuration`);
  const failures = await meshFailures(context, pool, { hasProxy: isEnrolled, controlPlane });
  if (failures.length === 0) return;
  throw new LabError('LAB_SIDECAR_NOT_READY', {
    message: `Sidecars of ${pool.namespace} are not ready:\n${failures.map(({ message }) => message).join('\n')}`,
  });
}

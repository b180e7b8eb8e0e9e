import type { Pool } from '../../clusters/cluster.ts';
import { installBaseNetwork, removeBaseNetwork } from '../base-network/base-network.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { installControlPlane, removeControlPlane } from '../envoy/mesh/control-plane.ts';
import { controlPlane } from './places.ts';

/** Installs the base network and the control plane of the pool's sidecars, and resolves when it serves. Idempotent. */
export async function installSidecar(context: DataPlaneContext, pool: Pool): Promise<void> {
  const { kube, signal } = context;
  const namespaces = [pool.namespace, pool.systemNamespace].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
  await kube.apply(namespaces, signal);
  // Its pod waits for the network by itself.
  await Promise.all([installBaseNetwork(context, pool), installControlPlane(context, pool, controlPlane)]);
}

/** Removes what {@link installSidecar} made, the authority included. */
export async function removeSidecar(context: DataPlaneContext, pool: Pool): Promise<void> {
  await removeControlPlane(context, pool, controlPlane);
  await removeBaseNetwork(context, pool);
}

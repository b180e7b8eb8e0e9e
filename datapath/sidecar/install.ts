import type { KubernetesObject } from '@kubernetes/client-node';
import type { Pool } from '../../clusters/cluster.ts';
import { baseNetworkObjects, installBaseNetwork, removeBaseNetwork } from '../base-network/base-network.ts';
import type { ClusterFacts, DataPlaneContext } from '../data-plane.ts';
import { controlPlaneObjects, installControlPlane, removeControlPlane } from '../envoy/mesh/control-plane.ts';
import { controlPlane } from './places.ts';

/** Installs the base network and the control plane of the pool's sidecars, and resolves when it serves. Idempotent. */
export async function installSidecar(context: DataPlaneContext, pool: Pool): Promise<void> {
  await context.kube.apply(namespaces(pool), context.signal);
  // Its pod waits for the network by itself.
  await Promise.all([installBaseNetwork(context, pool), installControlPlane(context, pool, controlPlane)]);
}

/** Removes what {@link installSidecar} made, the authority included. */
export async function removeSidecar(context: DataPlaneContext, pool: Pool): Promise<void> {
  await removeControlPlane(context, pool, controlPlane);
  await removeBaseNetwork(context, pool);
}

/** All objects of the data plane, in the order in which they are applied. */
export function sidecarObjects(pool: Pool, facts: ClusterFacts): KubernetesObject[] {
  return [...namespaces(pool), ...baseNetworkObjects(pool, facts), ...controlPlaneObjects(pool, controlPlane)];
}

function namespaces(pool: Pool): KubernetesObject[] {
  return [pool.namespace, pool.systemNamespace].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
}

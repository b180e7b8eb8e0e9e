import type { AuthorizationPolicy } from '../envoy/authorization.ts';
import type { Mesh } from '../envoy/mesh/mesh.ts';
import type { ProxyConfiguration } from '../envoy/snapshot.ts';
import { inboundConfiguration } from './inbound.ts';
import { outboundConfiguration } from './outbound.ts';

/** Everything that the sidecar of one pod is to run; null when the mesh has no such pod. */
export function sidecarConfiguration(mesh: Mesh, pod: string, policy: AuthorizationPolicy): ProxyConfiguration | null {
  const proxy = mesh.proxies.get(pod);
  if (proxy === undefined) return null;
  const outbound = outboundConfiguration(mesh);
  const inbound = inboundConfiguration(mesh.namespace, proxy.inbound, policy);
  return {
    ...outbound,
    cluster: [...(outbound.cluster ?? []), ...(inbound.cluster ?? [])],
    listener: [...(outbound.listener ?? []), ...(inbound.listener ?? [])],
    route: [...(outbound.route ?? []), ...(inbound.route ?? [])],
  };
}

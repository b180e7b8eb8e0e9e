import { formerEndpoint } from './endpoint.ts';
import type { Lease } from './lease.ts';
import type { PodNetwork } from './pod-network.ts';
import { removePodLink } from './veth.ts';

/**
 * Disconnects a pod, as far as it is connected: link, programs and policy, and the address last, so that the next pod
 * to have it meets nothing of this one. Repeating is no error, and the pod's namespace may be gone.
 */
export async function removePod({ ipam, hooks }: Pick<PodNetwork, 'ipam' | 'hooks'>, lease: Lease): Promise<void> {
  await removePodLink(lease);
  await hooks.detach(formerEndpoint(ipam.find(lease) ?? { ...lease, addresses: [] }));
  ipam.release(lease);
}

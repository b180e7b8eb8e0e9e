import { type PodEndpoint, podEndpoint } from './endpoint.ts';
import { ownerKey } from './lease.ts';
import { isNetworkNamespace } from './network-namespace.ts';
import { listPodLinks } from './pod-links.ts';
import type { PodNetwork } from './pod-network.ts';
import { removePod } from './remove.ts';
import { removePodLink } from './veth.ts';

/** What reconciliation found: the pods that are connected, and whose leases and links it has removed. */
export type Reconciled = { endpoints: readonly PodEndpoint[]; removed: readonly string[] };

/**
 * Frees what pods left that went while nobody was there to be told: leases whose pod is gone, with all that belongs to
 * them, and links without a lease. To be called before requests are served.
 */
export async function reconcilePods(
  network: Pick<PodNetwork, 'ipam' | 'hooks'>,
  signal: AbortSignal,
): Promise<Reconciled> {
  const { ipam } = network;
  const removed: string[] = [];
  for (const lease of ipam.all()) {
    signal.throwIfAborted();
    if (isNetworkNamespace(lease.netns)) continue;
    await removePod(network, lease);
    removed.push(ownerKey(lease));
  }
  const endpoints: PodEndpoint[] = [];
  for (const link of await listPodLinks(signal)) {
    const lease = ipam.find(link);
    if (lease === null) {
      await removePodLink(link);
      removed.push(ownerKey(link));
    } else if (link.connected) {
      endpoints.push(podEndpoint(lease, link.ifindex));
    }
  }
  return { endpoints, removed };
}

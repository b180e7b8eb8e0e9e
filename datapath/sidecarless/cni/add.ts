import { LabError } from '../../../clusters/error.ts';
import { CniError, cniCodes } from './cni-error.ts';
import { podEndpoint } from './endpoint.ts';
import type { Lease } from './lease.ts';
import { isNetworkNamespace } from './network-namespace.ts';
import type { PodNetwork } from './pod-network.ts';
import { removePod } from './remove.ts';
import { createPodLink, removePodLink } from './veth.ts';

/**
 * Connects a pod: address, link, programs and policy, and only then the first packet. What an earlier attempt left is
 * removed first. When this fails nothing is left, but for what could not be undone either, and that has its lease still.
 * @returns the pod's addresses.
 */
export async function addPod(network: PodNetwork, lease: Lease, signal: AbortSignal): Promise<readonly string[]> {
  if (!isNetworkNamespace(lease.netns)) {
    throw new CniError(cniCodes.invalidEnvironment, `CNI_NETNS "${lease.netns}" is no network namespace`);
  }
  if (network.ipam.find(lease) !== null) await removePod(network, lease);
  const addresses = network.ipam.allocate(lease);
  try {
    await createAnew({ ...lease, addresses, mtu: network.mtu() }, async (ifindex) => {
      signal.throwIfAborted();
      await network.hooks.attach(podEndpoint({ ...lease, addresses }, ifindex), signal);
      signal.throwIfAborted();
    });
    return addresses;
  } catch (error) {
    // The first failure is the one to tell of; a lease that stays is for the next attempt or reconciliation.
    await removePod(network, lease).catch(() => undefined);
    throw error;
  }
}

/** The link of a pod that has no lease is there only where leases were lost. */
async function createAnew(...[plan, attach]: Parameters<typeof createPodLink>): Promise<void> {
  try {
    await createPodLink(plan, attach);
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'LAB_POD_LINK_EXISTS') throw error;
    await removePodLink(plan);
    await createPodLink(plan, attach);
  }
}

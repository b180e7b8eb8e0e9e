import { isDeepStrictEqual } from 'node:util';
import { CniError, cniCodes } from './cni-error.ts';
import { podEndpoint } from './endpoint.ts';
import type { Owner } from './lease.ts';
import { checkPodLink } from './pod-link-check.ts';
import type { PodNetwork } from './pod-network.ts';

/**
 * Verifies that a pod is connected as ADD left it.
 * @param answered the addresses that the runtime was given.
 * @throws CniError naming everything that is not so.
 */
export async function checkPod(
  { ipam, hooks }: PodNetwork,
  owner: Owner & { netns: string },
  answered: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const lease = ipam.find(owner);
  if (lease === null) throw new CniError(cniCodes.failed, `sandbox ${owner.containerId} has no addresses`);
  const faults: string[] = [];
  if (!isDeepStrictEqual(lease.addresses.toSorted(), answered.toSorted())) {
    faults.push(`its addresses are ${lease.addresses.join(', ')}, not ${answered.join(', ')}`);
  }
  const link = await checkPodLink({ ...lease, netns: owner.netns }, signal);
  faults.push(...link.faults);
  if (link.ifindex !== null) faults.push(...(await hooks.check(podEndpoint(lease, link.ifindex), signal)));
  if (faults.length === 0) return;
  throw new CniError(cniCodes.failed, `sandbox ${owner.containerId} is not connected as it was: ${faults.join('; ')}`);
}

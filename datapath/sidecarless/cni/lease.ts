import { z } from 'zod';

/** The pod as the runtime names it; empty where it does not. */
export const PodName = z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() });
export type PodName = z.infer<typeof PodName>;

/** One interface of one container (a pod's sandbox): whose an address is. */
export type Owner = { containerId: string; ifname: string };

/** Whom an address has been given to, as it is kept on disk. */
export const Lease = z.strictObject({
  containerId: z.string().min(1),
  ifname: z.string().min(1),
  /** Path of the pod's network namespace on the node: when that is gone, so is the pod. */
  netns: z.string(),
  pod: PodName,
});
export type Lease = z.infer<typeof Lease>;

/** A lease with its addresses, without prefix length: one of each of the node's families. */
export type PodAddresses = Lease & { addresses: readonly string[] };

export function ownerKey({ containerId, ifname }: Owner): string {
  return `${containerId}/${ifname}`;
}

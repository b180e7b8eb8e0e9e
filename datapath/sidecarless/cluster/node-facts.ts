import { isIP } from 'node:net';
import type { V1Node } from '@kubernetes/client-node';

/**
 * What matters of a node: addresses without prefix length, and its pods' ranges. By `addresses` it is reached in the
 * cluster; `externalAddresses` are its own too. What is no address is left out: the API server does not look.
 */
export type NodeFacts = {
  name: string;
  addresses: readonly string[];
  externalAddresses: readonly string[];
  podCidrs: readonly string[];
};

export function nodeFacts(node: V1Node): NodeFacts {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = node.spec ?? {};
  const addressesOf = (wanted: string): string[] =>
    (node.status?.addresses ?? []).flatMap(({ type, address }) =>
      type === wanted && isIP(address) !== 0 ? [address] : [],
    );
  return {
    name: node.metadata?.name ?? '',
    addresses: addressesOf('InternalIP'),
    externalAddresses: addressesOf('ExternalIP'),
    podCidrs: podCIDRs,
  };
}

/** The node's address of the same family as `address`; null where it has none. */
export function addressFor({ addresses }: NodeFacts, address: string): string | null {
  return addresses.find((own) => own.includes(':') === address.includes(':')) ?? null;
}

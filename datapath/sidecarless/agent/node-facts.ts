import type { V1Node } from '@kubernetes/client-node';

/** What matters of a node: addresses without prefix length, and its pods' ranges. */
export type NodeFacts = { name: string; addresses: readonly string[]; podCidrs: readonly string[] };

export function nodeFacts(node: V1Node): NodeFacts {
  const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = node.spec ?? {};
  return {
    name: node.metadata?.name ?? '',
    addresses: (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
    podCidrs: podCIDRs,
  };
}

/** The node's address of the same family as `address`; null where it has none. */
export function addressFor({ addresses }: NodeFacts, address: string): string | null {
  return addresses.find((own) => own.includes(':') === address.includes(':')) ?? null;
}

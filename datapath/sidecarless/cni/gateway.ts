import { isIPv6 } from 'node:net';

/**
 * The next hop that pods of every node have: an address that nobody has, for which each pod has a permanent neighbour
 * entry with the link address of the node's side. Nothing is asked before the first packet.
 */
export const gateways = { 4: '169.254.1.1', 6: 'fe80::1' } as const;

export function gatewayOf(address: string): string {
  return gateways[isIPv6(address) ? 6 : 4];
}

/** The address as the only one of its link. */
export function withPrefix(address: string): string {
  return isIPv6(address) ? `${address}/128` : `${address}/32`;
}

export function defaultRouteOf(address: string): string {
  return isIPv6(address) ? '::/0' : '0.0.0.0/0';
}

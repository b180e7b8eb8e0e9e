/** Why a packet was dropped: `name` as Hubble's `drop_reason_desc` has it, `text` as people read it. */
export type DropReason = { name: string; text: string };

/**
 * By number, which is `enum drop_reason` of bpf/lib/abi.h. Names and texts are Cilium's for the same meaning, where it
 * has one.
 */
export const dropReasons: ReadonlyMap<number, DropReason> = new Map([
  [132, { name: 'INVALID_SOURCE_IP', text: 'Invalid source ip' }],
  [133, { name: 'POLICY_DENIED', text: 'Policy denied' }],
  [134, { name: 'INVALID_PACKET_DROPPED', text: 'Invalid packet' }],
  [135, { name: 'CT_TRUNCATED_OR_INVALID_HEADER', text: 'CT: Truncated or invalid header' }],
  [163, { name: 'UNKNOWN_CONNECTION_TRACKING_STATE', text: 'Unknown connection tracking state' }],
  [139, { name: 'UNSUPPORTED_L3_PROTOCOL', text: 'Unsupported L3 protocol' }],
  [142, { name: 'UNKNOWN_L4_PROTOCOL', text: 'Unknown L4 protocol' }],
  [156, { name: 'INVALID_IPV6_EXTENSION_HEADER', text: 'Invalid IPv6 extension header' }],
  [175, { name: 'FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND', text: 'First logical datagram fragment not found' }],
  [158, { name: 'SERVICE_BACKEND_NOT_FOUND', text: 'Service backend not found' }],
  [167, { name: 'NO_MAPPING_FOR_NAT_MASQUERADE', text: 'No mapping for NAT masquerade' }],
  [181, { name: 'POLICY_DENY', text: 'Policy denied by denylist' }],
  [182, { name: 'VLAN_FILTERED', text: 'VLAN traffic disallowed by VLAN filter' }],
  [231, { name: 'INTERNAL_ERROR', text: 'Internal error of the datapath' }],
  [203, { name: 'DROP_EP_NOT_READY', text: 'Endpoint policy program not available' }],
  [230, { name: 'MULTICAST_NOT_SUPPORTED', text: 'Multicast and broadcast not supported' }],
]);

/** The two that policy gives: no rule allows it, a rule denies it. */
export const policyReasons: ReadonlySet<number> = new Set([133, 181]);

/** A number that is not known is its own name and text. */
export function dropReason(reason: number): DropReason {
  return dropReasons.get(reason) ?? { name: `${reason}`, text: `${reason}` };
}

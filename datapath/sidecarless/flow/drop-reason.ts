import { numbers, type Reason } from '../abi/numbers.ts';

/** Why a packet was dropped: `name` as Hubble's `drop_reason_desc` has it, `text` as people read it. */
export type DropReason = { name: string; text: string };

/** Names and texts are Cilium's for the same meaning, where it has one. */
const reasons = {
  DROP_INVALID_SOURCE_IP: { name: 'INVALID_SOURCE_IP', text: 'Invalid source ip' },
  DROP_POLICY: { name: 'POLICY_DENIED', text: 'Policy denied' },
  DROP_INVALID: { name: 'INVALID_PACKET_DROPPED', text: 'Invalid packet' },
  DROP_CT_INVALID_HDR: { name: 'CT_TRUNCATED_OR_INVALID_HEADER', text: 'CT: Truncated or invalid header' },
  DROP_UNKNOWN_CT: { name: 'UNKNOWN_CONNECTION_TRACKING_STATE', text: 'Unknown connection tracking state' },
  DROP_UNKNOWN_L3: { name: 'UNSUPPORTED_L3_PROTOCOL', text: 'Unsupported L3 protocol' },
  DROP_UNKNOWN_L4: { name: 'UNKNOWN_L4_PROTOCOL', text: 'Unknown L4 protocol' },
  DROP_INVALID_EXTENSION: { name: 'INVALID_IPV6_EXTENSION_HEADER', text: 'Invalid IPv6 extension header' },
  DROP_FRAGMENT_NOT_FOUND: {
    name: 'FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND',
    text: 'First logical datagram fragment not found',
  },
  DROP_NO_SERVICE: { name: 'SERVICE_BACKEND_NOT_FOUND', text: 'Service backend not found' },
  DROP_NO_NAT_PORT: { name: 'NO_MAPPING_FOR_NAT_MASQUERADE', text: 'No mapping for NAT masquerade' },
  DROP_POLICY_DENY: { name: 'POLICY_DENY', text: 'Policy denied by denylist' },
  DROP_VLAN: { name: 'VLAN_FILTERED', text: 'VLAN traffic disallowed by VLAN filter' },
  DROP_INTERNAL: { name: 'INTERNAL_ERROR', text: 'Internal error of the datapath' },
  DROP_ENDPOINT_NOT_READY: { name: 'DROP_EP_NOT_READY', text: 'Endpoint policy program not available' },
  DROP_GROUP: { name: 'MULTICAST_NOT_SUPPORTED', text: 'Multicast and broadcast not supported' },
} as const satisfies Readonly<Record<Exclude<Reason, 'FORWARDED'>, DropReason>>;

/** By number. */
export const dropReasons: ReadonlyMap<number, DropReason> = new Map(
  Object.entries(reasons).map(([reason, texts]) => [numbers.drop_reason[reason as Reason], texts]),
);

/** The two that policy gives: no rule allows it, a rule denies it. */
export const policyReasons: ReadonlySet<number> = new Set([
  numbers.drop_reason.DROP_POLICY,
  numbers.drop_reason.DROP_POLICY_DENY,
]);

/** A number that is not known is its own name and text. */
export function dropReason(reason: number): DropReason {
  return dropReasons.get(reason) ?? { name: `${reason}`, text: `${reason}` };
}

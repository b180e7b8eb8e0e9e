import { z } from 'zod';
import { flowVerdicts } from '../../flow-query.ts';
import type { EventType } from './event.ts';
import { tracePoints, translationPoints } from './observation-point.ts';

/** What became of a packet. Hubble has more; these are the ones that this datapath gives. */
export const verdicts = flowVerdicts;
export type Verdict = (typeof verdicts)[number];

/** `event_type.type` of a flow, by the event it was made from: Cilium's numbers. */
export const messageTypes = { drop: 1, flow: 4, 'policy-verdict': 5, translation: 7 } as const satisfies Record<
  EventType,
  number
>;

/** What of a packet a rule looked at to decide, by Cilium's numbers for `policy_match_type`. */
export const policyMatches = ['none', 'L3-Only', 'L3-L4', 'L4-Only', 'all', 'L3-Proto', 'Proto-Only'] as const;
export type PolicyMatch = (typeof policyMatches)[number];

const flag = z.literal(true).exactOptional();

export const TcpFlags = z.strictObject({
  SYN: flag,
  ACK: flag,
  RST: flag,
  FIN: flag,
  PSH: flag,
  URG: flag,
  ECE: flag,
  CWR: flag,
});
export type TcpFlags = z.infer<typeof TcpFlags>;

const ports = { source_port: z.int().nullable(), destination_port: z.int() };
const icmp = z.strictObject({ type: z.int(), code: z.int() });

export const Layer4 = z.union([
  z.strictObject({ TCP: z.strictObject({ ...ports, flags: TcpFlags.nullable() }) }),
  z.strictObject({ UDP: z.strictObject(ports) }),
  z.strictObject({ SCTP: z.strictObject(ports) }),
  z.strictObject({ ICMPv4: icmp }),
  z.strictObject({ ICMPv6: icmp }),
]);
export type Layer4 = z.infer<typeof Layer4>;

/** What a pod is one of: its Deployment rather than its ReplicaSet, and itself where nothing made it. */
export const FlowWorkload = z.strictObject({ name: z.string(), kind: z.string() });
export type FlowWorkload = z.infer<typeof FlowWorkload>;

export const FlowEndpoint = z.strictObject({
  /** The node's own number of the pod; null where it is no pod of that node. */
  ID: z.int().nullable(),
  identity: z.int(),
  namespace: z.string().nullable(),
  labels: z.array(z.string()).readonly(),
  pod_name: z.string().nullable(),
  workloads: z.array(FlowWorkload).readonly(),
});
export type FlowEndpoint = z.infer<typeof FlowEndpoint>;

/** The object that a rule is of. `namespace` is null for those of the whole cluster. */
export const FlowPolicy = z.strictObject({ kind: z.string(), namespace: z.string().nullable(), name: z.string() });
export type FlowPolicy = z.infer<typeof FlowPolicy>;

export const FlowService = z.strictObject({ namespace: z.string(), name: z.string() });
export type FlowService = z.infer<typeof FlowService>;

const decidedBy = z.array(FlowPolicy).readonly();

/**
 * One flow, with the field names of Hubble's `flow.Flow` in JSON where the meaning is the same. What is not known or
 * does not apply is null, which protobuf's JSON takes for not set.
 */
export const Flow = z.strictObject({
  /** RFC 3339, UTC, nanoseconds. */
  time: z.string(),
  uuid: z.string(),
  verdict: z.enum(verdicts),
  /** {@link dropReasons}' name, for what was dropped or denied. */
  drop_reason_desc: z.string().nullable(),
  IP: z.strictObject({
    /** Null for translations: a socket has an address only once it is connected. */
    source: z.string().nullable(),
    destination: z.string(),
    ipVersion: z.enum(['IPv4', 'IPv6']),
  }),
  l4: Layer4.nullable(),
  source: FlowEndpoint,
  destination: FlowEndpoint,
  Type: z.enum(['L3_L4', 'SOCK']),
  node_name: z.string(),
  /** `sub_type` is the drop reason of a drop, the observation point of a flow or translation, 0 of a policy verdict. */
  event_type: z.strictObject({ type: z.literal(Object.values(messageTypes)), sub_type: z.int() }),
  /** The service's that the destination is, or that a socket asked for before it got that destination. */
  destination_service: FlowService.nullable(),
  source_service: FlowService.nullable(),
  /** The connection's: of the packet that opened it, from the point of view of the pod where it was seen. */
  traffic_direction: z.enum(['INGRESS', 'EGRESS']),
  /** Index into {@link policyMatches}; policy verdicts only, and null where the rule is no longer known. */
  policy_match_type: z.int().nullable(),
  trace_observation_point: z.enum(Object.values(tracePoints)).nullable(),
  is_reply: z.boolean().nullable(),
  sock_xlate_point: z.enum(Object.values(translationPoints)).nullable(),
  /** Decimal; translations only. */
  socket_cookie: z.string().nullable(),
  egress_allowed_by: decidedBy,
  ingress_allowed_by: decidedBy,
  egress_denied_by: decidedBy,
  ingress_denied_by: decidedBy,
  Summary: z.string(),
});
export type Flow = z.infer<typeof Flow>;

/** `TCP`, `UDP`, `SCTP`, `ICMPv4`, `ICMPv6`; for other protocols what Hubble says: `Unknown flow`. */
export function protocolOf({ l4 }: Flow): string {
  for (const protocol in l4) return protocol;
  return 'Unknown flow';
}

/** Null for protocols without ports; `source` alone is null for a socket, which has none yet. */
export function portsOf({ l4 }: Flow): { source: number | null; destination: number } | null {
  if (l4 === null || 'ICMPv4' in l4 || 'ICMPv6' in l4) return null;
  const { source_port, destination_port } = 'TCP' in l4 ? l4.TCP : 'UDP' in l4 ? l4.UDP : l4.SCTP;
  return { source: source_port, destination: destination_port };
}

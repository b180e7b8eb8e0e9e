/** What became of what a flow tells of. */
export const flowVerdicts = ['FORWARDED', 'DROPPED', 'TRACED', 'TRANSLATED'] as const;

/** What was seen: a packet on its way, one that was dropped, policy's word about a new connection, a socket's address. */
export const flowTypes = ['trace', 'drop', 'policy-verdict', 'trace-sock'] as const;

/** `icmp` is that of both families. */
export const flowProtocols = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv4', 'icmpv6'] as const;

/**
 * What flows to show. One of each list must match, and every list that is not empty.
 *
 * Pods are `namespace/name`, `name` in any namespace, or `namespace/` for all of one. A name also stands for the pods of
 * the workload that has it: `web` matches `web-7d4b9-x2x8q`, but not `web2`.
 */
export type FlowFilter = {
  /** At either end. */
  pods?: readonly string[];
  /** At either end. */
  namespaces?: readonly string[];
  /** Where the packet comes from: a pod, an address, or an identity such as `reserved:world`. */
  from?: readonly string[];
  to?: readonly string[];
  /** In any case of letters. */
  verdicts?: readonly string[];
  types?: readonly string[];
  /** At either end. */
  ports?: readonly number[];
  /** In any case of letters. */
  protocols?: readonly string[];
};

export type FlowQuery = {
  filter: FlowFilter;
  /** How many of those that have been, at most, of each node. */
  last: number;
  /** Go on with those that come, until the signal aborts. */
  follow: boolean;
  /** How the text is to look. */
  colour: boolean;
  nodeNames: boolean;
};

/**
 * A flow, or how many could not be told, as a line for people and as Hubble's JSON has it; `time` is RFC 3339, in UTC and
 * of nine digits. Or a notice about the telling itself.
 */
export type FlowLine =
  | { kind: 'flow' | 'lost'; time: string; text: string; json: object }
  | { kind: 'notice'; text: string };

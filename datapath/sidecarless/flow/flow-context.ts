import type { FlowPolicy, FlowService, FlowWorkload, PolicyMatch } from './flow.ts';

/** What the agent knows of a pod. `endpoint` is null for pods of other nodes. Labels are in the form `k8s:app=web`. */
export type FlowPod = {
  namespace: string;
  name: string;
  workload: FlowWorkload;
  labels: readonly string[];
  identity: number;
  endpoint: number | null;
};

export type FlowRule = FlowPolicy & { match: PolicyMatch };

/** Gives an event's numbers their names. Everything answers from memory: it is asked for each event. */
export type FlowContext = {
  nodeName: string;
  /** Wall-clock time since 1970 less CLOCK_MONOTONIC. */
  clockOffsetNanoseconds: bigint;
  newUuid(): string;
  pod(address: string): FlowPod | null;
  /** Labels of an identity that is not reserved; none where it is not known. */
  identityLabels(identity: number): readonly string[];
  /** Whose address and port this is, for whichever protocol. */
  service(address: string, port: number): FlowService | null;
  /** Null for a number that is not, or no longer, a rule's. */
  rule(rule: number): FlowRule | null;
  /** The pod that a socket belongs to, where that can be told. */
  socketPod(cookie: bigint): FlowPod | null;
};

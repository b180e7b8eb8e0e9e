/** What is at the other end and has no one address. */
export const policyEntities = ['world', 'host', 'remote-node', 'kube-apiserver'] as const;
export type PolicyEntity = (typeof policyEntities)[number];

export const policyProtocols = ['TCP', 'UDP', 'SCTP', 'ICMP'] as const;
export type PolicyProtocol = (typeof policyProtocols)[number];

export type PolicyDirection = 'egress' | 'ingress';

export type PolicyPeer = { address: string } | { entity: PolicyEntity };

/** Whether one pod may open a connection to a peer (`egress`), or a peer one to the pod (`ingress`). */
export type PolicyQuestion = {
  pod: { namespace: string; name: string };
  node: string;
  direction: PolicyDirection;
  peer: PolicyPeer;
  protocol: PolicyProtocol;
  /** Of the side that is connected to; for ICMP the type. */
  port: number;
};

/** An object of the API. `namespace` is null where it has none. */
export type PolicyObject = { kind: string; namespace: string | null; name: string };

/**
 * What the data plane does with such a connection, and why.
 *
 * - `rule`: that rule, of that object, allows or denies it.
 * - `default-deny`: policies select the pod, and no rule allows it.
 * - `no-denial`: there are rules that deny something, but not this, and nothing puts the pod in default deny.
 * - `no-policy`: no policy selects the pod in this direction.
 * - `implicit`: no object, but a rule of the data plane's own.
 */
export type PolicyAnswer = {
  verdict: 'allowed' | 'denied';
  decidedBy: 'rule' | 'default-deny' | 'no-denial' | 'no-policy' | 'implicit';
  /** `path` is where it stands in the object (`spec.egress[0]`), `says` whom and what it is about, in words. */
  rule: (PolicyObject & { path: string; says: string }) | null;
  /** What puts the pod in default deny; `problems` are why an object allows nothing. */
  selectedBy: readonly (PolicyObject & { problems: readonly string[] })[];
  /** Who the peer is to the data plane. `name` is for people. */
  peer: { identity: number; name: string; labels: readonly string[] };
  /** What answers, and from what: an entry of a map, for people. */
  source: string;
  /** What is in force and what should be, in words, where they are not the same. */
  disagreement: string | null;
};

/** How an attempt must end: `reached` by a server that answers, or where and by what it must have been dropped. */
export type Outcome =
  | 'reached'
  /** It got there, and there was no server at that port. */
  | 'refused'
  | 'default deny at egress'
  | 'default deny at ingress'
  | 'denied at egress'
  | 'denied at ingress';

/**
 * Pods: `client`, `client2` and `near` on the first node, `far` on the second; `stranger` on the first and `distant` on
 * the second are in a namespace of their own. `host` and `far-host` are in the two nodes' own network, `world` and
 * `other-world` are addresses outside the cluster.
 */
export const sources = ['client', 'client2', 'stranger', 'host', 'far-host', 'world', 'other-world'] as const;
export type Source = (typeof sources)[number];

export function isOutside(place: Source | Target): place is 'world' | 'other-world' {
  return place === 'world' || place === 'other-world';
}

/** `service`, `node-port` and `far-node-port` (by the first and the second node) lead to `near` and `far`. */
export type Target =
  | Exclude<Source, 'host' | 'far-host'>
  | ('near' | 'far' | 'distant')
  | ('node' | 'far-node' | 'control-plane')
  | ('service' | 'node-port' | 'far-node-port' | 'kubernetes')
  /** The ports that `near` and `far` have at their nodes. */
  | ('host-port' | 'far-host-port')
  /** The client by its own address, and by a service that has no other backend. */
  | ('itself' | 'itself-by-service');

/** The port is the server's own, which a service may have under another number. */
export type Traffic = `${number}/TCP` | `${number}/UDP` | `${number}/UDP in fragments` | 'ICMP';

export type Attempt = { from: Source; to: Target; traffic: Traffic; outcome: Outcome };

/** One test: these policies, and what may talk to what under them. */
export type Row = { name: string; policies: readonly object[]; attempts: readonly Attempt[] };

/** A datagram in fragments is larger than any link's MTU. */
export function readTraffic(traffic: Traffic): { protocol: 'TCP' | 'UDP' | 'ICMP'; port: number; size: number } {
  if (traffic === 'ICMP') return { protocol: 'ICMP', port: 0, size: 1 };
  const [port, what] = traffic.split('/');
  return { protocol: what === 'TCP' ? 'TCP' : 'UDP', port: Number(port), size: what === 'UDP in fragments' ? 4000 : 1 };
}

type Attempts = (from: Source, to: readonly Target[], ...traffic: Traffic[]) => Attempt[];

export const reached = attempts('reached');
export const refused = attempts('refused');
export const notLetOut = attempts('default deny at egress');
export const notLetIn = attempts('default deny at ingress');
export const deniedOut = attempts('denied at egress');
export const deniedIn = attempts('denied at ingress');

/** The servers, on the same and on the other node. */
export const echoPods = ['near', 'far'] as const;
/** And by their service. */
export const echo = [...echoPods, 'service'] as const;

function attempts(outcome: Outcome): Attempts {
  return (from, to, ...traffic) =>
    to.flatMap((target) => traffic.map((one) => ({ from, to: target, traffic: one, outcome })));
}

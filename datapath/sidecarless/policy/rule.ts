import { numbers } from '../abi/numbers.ts';
import type { Cidr } from '../address/cidr.ts';
import type { Problem } from './problem.ts';
import type { Selector } from './selector.ts';

/** From the point of view of the endpoint that a policy selects. */
export type Direction = 'ingress' | 'egress';

export const directionNumbers = { ingress: numbers.direction.INGRESS, egress: numbers.direction.EGRESS } as const;

/** `Implicit` rules are nobody's documents: see {@link localNodeRule}. */
export type PolicyKind = 'NetworkPolicy' | 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy' | 'Implicit';

/** An object of the API. `namespace` is null where it has none. */
export type PolicyName = { kind: PolicyKind; namespace: string | null; name: string };

/** One rule of an object: the `index`-th of its list, which in the document stands at `path` (`specs[1].egress[0]`). */
export type RuleName = PolicyName & { path: string; direction: Direction; index: number; deny: boolean };

/** The endpoints that `subject` selects are in default deny: what no rule allows is dropped. */
export type Isolation = { effect: 'isolate'; policy: PolicyName; subject: Selector; direction: Direction };

/** The endpoints that `subject` selects may, or must not, talk to any of `peers` on any of `ports`. Empty: nobody. */
export type PeerRule = {
  effect: 'allow' | 'deny';
  name: RuleName;
  subject: Selector;
  direction: Direction;
  peers: readonly Peer[];
  ports: readonly PortMatch[];
};

/** What every kind of policy comes down to. A denial outdoes every allowance; order means nothing. */
export type Rule = Isolation | PeerRule;

/** Groups of identities by their reserved labels. */
export const entities = [
  'all',
  'world',
  'cluster',
  'host',
  'remote-node',
  'kube-apiserver',
  'health',
  'ingress',
  'init',
  'none',
  'unmanaged',
] as const;
export type Entity = (typeof entities)[number];

export type Peer =
  /** Any address, that of an identity that is not known included. */
  | { kind: 'everybody' }
  | { kind: 'entity'; entity: Exclude<Entity, 'all'> }
  | { kind: 'labels'; selector: Selector }
  /** Addresses outside the cluster: pods and nodes are never meant. */
  | { kind: 'cidr'; cidr: Cidr; except: readonly Cidr[] };

export type PortMatch =
  /** Every protocol, those without ports included. */
  | { kind: 'all' }
  /** Both ends included. For ICMP a port is a type. */
  | { kind: 'range'; protocol: number; first: number; last: number }
  /** Resolves in the pod that is connected to: it matches there what has the name and one of the protocols. */
  | { kind: 'named'; name: string; protocols: readonly number[] };

/** A container's port that has a name. `protocol` is IANA's number. */
export type NamedPort = { name: string; protocol: number; port: number };

/** Named ports: the endpoint's own, and those of the pods of each identity. */
export type NamedPorts = { own: readonly NamedPort[]; ofIdentity: ReadonlyMap<number, readonly NamedPort[]> };

/** What an object says. With problems it has failed closed: `rules` then isolates and denies, and allows nothing. */
export type ParsedPolicy = { policy: PolicyName; rules: readonly Rule[]; problems: readonly Problem[] };

/** A node reaches its own pods, as kubelet's probes must, unless a rule denies it. */
export const localNodeRule: RuleName = {
  kind: 'Implicit',
  namespace: null,
  name: 'local-node',
  path: '',
  direction: 'ingress',
  index: 0,
  deny: false,
};

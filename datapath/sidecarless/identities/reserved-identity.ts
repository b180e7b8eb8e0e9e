import { numbers } from '../abi/numbers.ts';

/** Cilium's names of the identities that every cluster has. */
const names = {
  IDENTITY_UNKNOWN: 'unknown',
  IDENTITY_HOST: 'host',
  IDENTITY_WORLD: 'world',
  IDENTITY_HEALTH: 'health',
  IDENTITY_INIT: 'init',
  IDENTITY_REMOTE_NODE: 'remote-node',
  IDENTITY_API_SERVER: 'kube-apiserver',
} as const satisfies Readonly<
  Record<Exclude<keyof typeof numbers.identity, 'IDENTITY_FIRST_POD' | 'IDENTITY_CIDR'>, string>
>;

export type ReservedName = (typeof names)[keyof typeof names];

const entries = Object.entries(names) as [keyof typeof names, ReservedName][];

/** Names of identities that every cluster has, by their numbers. */
export const reservedNames: ReadonlyMap<number, ReservedName> = new Map(
  entries.map(([identity, name]) => [numbers.identity[identity], name]),
);

/** The label that an identity of that name has, alone or with others. */
export function reservedLabel<Name extends ReservedName>(name: Name): `reserved:${Name}` {
  return `reserved:${name}`;
}

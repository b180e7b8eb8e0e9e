import { numbers } from '../abi/numbers.ts';
import { type Cidr, parseCidr } from '../address/cidr.ts';
import { type ReservedName, reservedLabel } from '../identities/reserved-identity.ts';
import type { Labels } from './selector.ts';

/** Who is at an address. `labels` have their source: `k8s:app`, `reserved:world`, `cidr:10.0.0.0/8`. */
export type Identity = { id: number; labels: Labels };

/** The node of the pods that are policed. */
export const hostIdentity = reserved(numbers.identity.IDENTITY_HOST, 'host');

/** The same where an API server runs on that node. */
export const apiServerHostIdentity = reserved(numbers.identity.IDENTITY_HOST, 'host', 'kube-apiserver');

/** Identities that are the same everywhere. An API server that is no node of the cluster needs other labels. */
export const reservedIdentities: readonly Identity[] = [
  hostIdentity,
  reserved(numbers.identity.IDENTITY_WORLD, 'world'),
  reserved(numbers.identity.IDENTITY_HEALTH, 'health'),
  reserved(numbers.identity.IDENTITY_INIT, 'init'),
  reserved(numbers.identity.IDENTITY_REMOTE_NODE, 'remote-node'),
  reserved(numbers.identity.IDENTITY_API_SERVER, 'kube-apiserver', 'remote-node'),
];

const cidrSource = 'cidr:';

/** Labels of the identity of the addresses of which this is the longest known prefix. */
export function cidrLabels(cidr: Cidr): Labels {
  return { [`${cidrSource}${cidr.text}`]: '', [reservedLabel('world')]: '' };
}

const known = new WeakMap<Labels, Cidr | null>();

/** The range that an identity stands for; null for all others, pods and nodes above all. */
export function cidrOf({ labels }: Identity): Cidr | null {
  const before = known.get(labels);
  if (before !== undefined) return before;
  const label = Object.keys(labels).find((key) => key.startsWith(cidrSource));
  const cidr = label === undefined ? null : parseCidr(label.slice(cidrSource.length));
  known.set(labels, cidr);
  return cidr;
}

function reserved(id: number, ...names: readonly ReservedName[]): Identity {
  return { id, labels: Object.fromEntries(names.map((name) => [reservedLabel(name), ''])) };
}

import { type Cidr, parseCidr } from '../address/cidr.ts';
import type { Labels } from './selector.ts';

/** Who is at an address. `labels` have their source: `k8s:app`, `reserved:world`, `cidr:10.0.0.0/8`. */
export type Identity = { id: number; labels: Labels };

/** The node of the pods that are policed. */
export const hostIdentity: Identity = { id: 1, labels: { 'reserved:host': '' } };

/** The same where an API server runs on that node. */
export const apiServerHostIdentity: Identity = {
  id: hostIdentity.id,
  labels: { ...hostIdentity.labels, 'reserved:kube-apiserver': '' },
};

/** Identities that are the same everywhere. An API server that is no node of the cluster needs other labels. */
export const reservedIdentities: readonly Identity[] = [
  hostIdentity,
  { id: 2, labels: { 'reserved:world': '' } },
  { id: 4, labels: { 'reserved:health': '' } },
  { id: 5, labels: { 'reserved:init': '' } },
  { id: 6, labels: { 'reserved:remote-node': '' } },
  { id: 7, labels: { 'reserved:kube-apiserver': '', 'reserved:remote-node': '' } },
];

const cidrSource = 'cidr:';

/** Labels of the identity of the addresses of which this is the longest known prefix. */
export function cidrLabels(cidr: Cidr): Labels {
  return { [`${cidrSource}${cidr.text}`]: '', 'reserved:world': '' };
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

import { cidrContains } from '../address/cidr.ts';
import { cidrOf, type Identity } from './identity.ts';
import { namespaceLabel } from './pod-labels.ts';
import type { Entity, Peer } from './rule.ts';
import { type Labels, selects } from './selector.ts';

/** Whether one of a rule's peers is this identity. */
export function isPeer(peers: readonly Peer[], identity: Identity): boolean {
  return peers.some((peer) => matches(peer, identity));
}

function matches(peer: Peer, identity: Identity): boolean {
  switch (peer.kind) {
    case 'everybody':
      return true;
    case 'entity':
      return isEntity(peer.entity, identity.labels);
    case 'labels':
      return selects(peer.selector, identity.labels);
    case 'cidr': {
      const cidr = cidrOf(identity);
      return (
        cidr !== null && cidrContains(peer.cidr, cidr) && !peer.except.some((except) => cidrContains(except, cidr))
      );
    }
  }
}

/** What makes up a cluster beside its pods. */
const clusterEntities = ['host', 'remote-node', 'kube-apiserver', 'health', 'init', 'ingress', 'unmanaged'] as const;

function isEntity(entity: Exclude<Entity, 'all'>, labels: Labels): boolean {
  if (entity !== 'cluster') return Object.hasOwn(labels, `reserved:${entity}`);
  return (
    Object.hasOwn(labels, `k8s:${namespaceLabel}`) ||
    clusterEntities.some((member) => Object.hasOwn(labels, `reserved:${member}`))
  );
}

import { z } from 'zod';
import { AddressOrPrefix, CidrRule } from './cidr-rule.ts';
import { ciliumKeys, readSelector } from './label-selector.ts';
import { namespaceLabel, namespaceLabelsPrefix } from './pod-labels.ts';
import { child, type Problem, read } from './problem.ts';
import { type Direction, entities, type Peer } from './rule.ts';
import type { Requirement, Selector } from './selector.ts';

const everybody: readonly Peer[] = [{ kind: 'everybody' }];

/** Whose rule it is: `namespace` is null for those of the whole cluster. */
export type PeerScope = { direction: Direction; deny: boolean; namespace: string | null };

/** Names of the fields that say who the peers are. */
export function peerFields(direction: Direction): readonly string[] {
  const prefix = direction === 'ingress' ? 'from' : 'to';
  return ['Endpoints', 'Entities', 'CIDR', 'CIDRSet'].map((suffix) => `${prefix}${suffix}`);
}

/** The same for those that this data plane cannot enforce. */
export const foreignPeerFields = [
  'fromRequires',
  'toRequires',
  'fromGroups',
  'toGroups',
  'fromNodes',
  'toNodes',
  'toServices',
  'toFQDNs',
];

/**
 * Reads who the peers of a rule are; null where it does not say. An empty list is nobody. With problems the answer is
 * everybody.
 */
export function readPeers(
  rule: Record<string, unknown>,
  scope: PeerScope,
  path: string,
  problems: Problem[],
): readonly Peer[] | null {
  const before = problems.length;
  const fields = peerFields(scope.direction).filter((field) => rule[field] !== undefined);
  const lists = fields.map((field) => readList(rule[field], field, scope, child(path, field), problems));
  if (problems.length > before) return everybody;
  const used = fields.filter((_, index) => lists[index]?.length !== 0);
  if (used.length > 1) problems.push({ path, problem: `${used.join(' and ')} cannot stand in one rule` });
  else if (used.length < fields.length) return [];
  return fields.length === 0 ? null : lists.flat();
}

function readList(value: unknown, field: string, scope: PeerScope, path: string, problems: Problem[]): readonly Peer[] {
  if (field.endsWith('Endpoints')) {
    const selectors = read(z.array(z.unknown()), value, path, problems) ?? [];
    return selectors.flatMap((element, index) => {
      const selector = readSelector(element, ciliumKeys, child(path, index), problems);
      return selector === undefined ? [] : [{ kind: 'labels', selector: confine(selector, scope) }];
    });
  }
  if (field.endsWith('Entities')) {
    const names = read(z.array(z.enum(entities)), value, path, problems) ?? [];
    return names.map((entity) => (entity === 'all' ? { kind: 'everybody' } : { kind: 'entity', entity }));
  }
  if (field.endsWith('CIDR')) {
    const cidrs = read(z.array(AddressOrPrefix), value, path, problems) ?? [];
    return cidrs.map((cidr) => ({ kind: 'cidr', cidr, except: [] }));
  }
  const ranges = read(z.array(CidrRule), value, path, problems) ?? [];
  return ranges.map((range) => ({ kind: 'cidr', ...range }));
}

/**
 * Adds what a selector of endpoints leaves unsaid: it means pods, and in a namespace's own policy those of the
 * namespace, unless it speaks of reserved labels or of namespaces itself.
 */
function confine(selector: Selector, { deny, namespace }: PeerScope): Selector {
  if (selector.some(({ key }) => key.startsWith('reserved:'))) return selector;
  const key = `k8s:${namespaceLabel}`;
  const isPod: Requirement = { key, operator: 'Exists', values: [] };
  const namesNamespace = selector.some((requirement) => isNamespaceKey(requirement.key));
  if (!namesNamespace) {
    return [...selector, namespace === null ? isPod : { key, operator: 'In', values: [namespace] }];
  }
  // `NotIn` holds for whoever is in no namespace: the world must not be let in by it, and may well be kept out. Where
  // only labels of namespaces are named, a policy of the whole cluster still means pods.
  const meansPods = !deny || (namespace === null && !selector.some((one) => nameOf(one.key) === namespaceLabel));
  return meansPods ? [...selector, isPod] : selector;
}

/** A label's key without its source. */
function nameOf(key: string): string {
  return key.replace(/^(k8s|any):/, '');
}

/** Whether a key is about a pod's namespace. */
function isNamespaceKey(key: string): boolean {
  const name = nameOf(key);
  return name === namespaceLabel || name.startsWith(namespaceLabelsPrefix);
}

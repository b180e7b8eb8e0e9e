import { z } from 'zod';
import { foreignPeerFields, peerFields, readPeers } from './cilium-peers.ts';
import { readPorts } from './cilium-ports.ts';
import { ciliumKeys, readSelector } from './label-selector.ts';
import { namespaceLabel } from './pod-labels.ts';
import { child, foreignField, isMapping, type Problem, read } from './problem.ts';
import type { Direction, ParsedPolicy, Peer, PeerRule, PolicyName, PortMatch, Rule } from './rule.ts';
import { type Selector, selects } from './selector.ts';

/**
 * Reads a CiliumNetworkPolicy or a CiliumClusterwideNetworkPolicy. One that has a problem anywhere fails closed: all
 * that it speaks of is in default deny and nothing is allowed, while its denials hold, widened where they are not clear.
 */
export function parseCiliumPolicy(policy: PolicyName, document: Readonly<Record<string, unknown>>): ParsedPolicy {
  const problems: Problem[] = [];
  const sections = [
    ...(document.spec === undefined ? [] : [readSection(policy, document.spec, 'spec', problems)]),
    ...readSpecs(policy, document.specs, problems),
  ];
  const foreign = Object.keys(document).filter((key) => !documentFields.includes(key));
  problems.push(...foreign.map((key) => foreignField('', key)));
  if (sections.length === 0) problems.push({ path: 'spec', problem: 'there is neither spec nor specs' });
  // What stands where nothing is looked for may have been meant as a section, unless it is but a word.
  const isMisplaced = foreign.some((key) => typeof document[key] === 'object' && document[key] !== null);
  if (sections.length === 0 || isMisplaced) sections.push(unreadableSection(policy));
  const failed = problems.length > 0;
  const rules = sections.flatMap(({ subject, isolated, touched, rules }): Rule[] => [
    ...(failed ? touched : isolated).map((direction): Rule => ({ effect: 'isolate', policy, subject, direction })),
    ...rules.filter(({ effect }) => effect === 'deny' || !failed),
  ]);
  return { policy, rules, problems };
}

const documentFields = ['apiVersion', 'kind', 'metadata', 'spec', 'specs', 'status'];
const directions = ['ingress', 'egress'] as const;
const lists = directions.flatMap((direction) => [
  { direction, deny: false, field: direction },
  { direction, deny: true, field: `${direction}Deny` },
]);
const sectionFields = [
  // The last three are for people.
  ...['endpointSelector', 'enableDefaultDeny', 'description', 'labels', 'log'],
  ...lists.map(({ field }) => field as string),
];

/** One `spec`. `touched` are the directions that it means to say something of, `isolated` those in default deny. */
type Section = {
  subject: Selector;
  isolated: readonly Direction[];
  touched: readonly Direction[];
  rules: readonly PeerRule[];
};

function readSpecs(policy: PolicyName, specs: unknown, problems: Problem[]): Section[] {
  if (specs === undefined) return [];
  if (Array.isArray(specs)) {
    return specs.map((spec, index) => readSection(policy, spec, child('specs', index), problems));
  }
  problems.push({ path: 'specs', problem: 'must be a list' });
  return [unreadableSection(policy)];
}

function unreadableSection(policy: PolicyName): Section {
  return { subject: everyEndpoint(policy), isolated: directions, touched: directions, rules: [] };
}

const DefaultDeny = z.strictObject({ ingress: z.boolean().optional(), egress: z.boolean().optional() }).default({});

function readSection(policy: PolicyName, spec: unknown, path: string, problems: Problem[]): Section {
  if (!isMapping(spec)) {
    problems.push({ path, problem: 'must be a mapping' });
    return unreadableSection(policy);
  }
  if (policy.namespace === null && isMapping(spec.nodeSelector) && spec.endpointSelector === undefined) {
    // It speaks of nodes: no pod is meant.
    problems.push(foreignField(path, 'nodeSelector'));
    return { subject: everyEndpoint(policy), isolated: [], touched: [], rules: [] };
  }
  const foreign = Object.keys(spec).filter((key) => !sectionFields.includes(key));
  problems.push(...foreign.map((key) => foreignField(path, key)));
  const subject = readSubject(policy, spec.endpointSelector, child(path, 'endpointSelector'), problems);
  const defaultDeny = read(DefaultDeny, spec.enableDefaultDeny, child(path, 'enableDefaultDeny'), problems);
  const ruled = directions.filter((direction) => listsOf(spec, direction).some((list) => !isEmpty(list)));
  if (ruled.length === 0) problems.push({ path, problem: 'there is no rule' });
  const clear = foreign.length === 0 && defaultDeny !== undefined;
  return {
    subject,
    isolated: directions.filter((direction) => defaultDeny?.[direction] ?? ruled.includes(direction)),
    touched: clear ? touchedBy(spec, ruled, defaultDeny) : directions,
    rules: lists.flatMap((list) => readRules(policy, subject, spec[list.field], list, path, problems)),
  };
}

function touchedBy(
  spec: Record<string, unknown>,
  ruled: readonly Direction[],
  defaultDeny: z.infer<typeof DefaultDeny>,
): readonly Direction[] {
  const touched = directions.filter((direction) => ruled.includes(direction) || defaultDeny[direction] === true);
  const named = directions.filter((direction) => listsOf(spec, direction).length > 0);
  return [touched, named, directions].find(({ length }) => length > 0) ?? directions;
}

function listsOf(spec: Record<string, unknown>, direction: Direction): unknown[] {
  return lists
    .filter((list) => list.direction === direction && spec[list.field] !== undefined)
    .map(({ field }) => spec[field]);
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}

/** The endpoints that a section is about: of its own namespace only, where it has one; all of them if it is not clear. */
function readSubject(policy: PolicyName, value: unknown, path: string, problems: Problem[]): Selector {
  if (value === undefined) {
    problems.push({ path, problem: 'is missing' });
    return everyEndpoint(policy);
  }
  const selector = readSelector(value, ciliumKeys, path, problems);
  if (selector === undefined) return everyEndpoint(policy);
  if (policy.namespace === null) return selector;
  const own = { [`k8s:${namespaceLabel}`]: policy.namespace };
  const foreign = selector.filter((requirement) => isNamespaceName(requirement.key) && !selects([requirement], own));
  if (foreign.length > 0) problems.push({ path, problem: `selects outside of the namespace ${policy.namespace}` });
  return [...everyEndpoint(policy), ...selector.filter((requirement) => !foreign.includes(requirement))];
}

function isNamespaceName(key: string): boolean {
  return key === `k8s:${namespaceLabel}` || key === `any:${namespaceLabel}`;
}

function everyEndpoint({ namespace }: PolicyName): Selector {
  return namespace === null ? [] : [{ key: `k8s:${namespaceLabel}`, operator: 'In', values: [namespace] }];
}

type List = (typeof lists)[number];

function readRules(
  policy: PolicyName,
  subject: Selector,
  value: unknown,
  { direction, deny, field }: List,
  sectionPath: string,
  problems: Problem[],
): PeerRule[] {
  const path = child(sectionPath, field);
  const rule = (index: number, rulePath: string, parts: Parts): PeerRule => ({
    effect: deny ? 'deny' : 'allow',
    name: { ...policy, path: rulePath, direction, index, deny },
    subject,
    direction,
    ...parts,
  });
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    problems.push({ path, problem: 'must be a list' });
    return [rule(0, path, everything)];
  }
  const scope = { direction, deny, namespace: policy.namespace };
  return value.map((element, index) => {
    const rulePath = child(path, index);
    return rule(index, rulePath, readParts(element, scope, rulePath, problems));
  });
}

type Parts = { peers: readonly Peer[]; ports: readonly PortMatch[] };

const everybody: readonly Peer[] = [{ kind: 'everybody' }];
const everything: Parts = { peers: everybody, ports: [{ kind: 'all' }] };

/** Reads one rule. With problems it is at least as wide as what may have been meant, as denials have to be. */
function readParts(
  rule: unknown,
  scope: { direction: Direction; deny: boolean; namespace: string | null },
  path: string,
  problems: Problem[],
): Parts {
  if (!isMapping(rule)) {
    problems.push({ path, problem: 'must be a mapping' });
    return everything;
  }
  const fields = [...peerFields(scope.direction), 'toPorts', 'icmps'];
  const foreign = Object.keys(rule).filter((key) => !fields.includes(key));
  problems.push(...foreign.map((key) => foreignField(path, key)));
  const peers = readPeers(rule, scope, path, problems);
  const ports = readPorts(rule, path, problems);
  if (foreign.some((key) => !foreignPeerFields.includes(key) && key !== 'authentication')) return everything;
  if (foreign.some((key) => foreignPeerFields.includes(key))) return { peers: everybody, ports };
  // A rule of ports alone is for everybody, an empty one for nobody.
  const ofPorts = [rule.toPorts, rule.icmps].some((list) => list !== undefined && !isEmpty(list));
  return { peers: peers ?? (ofPorts ? everybody : []), ports };
}

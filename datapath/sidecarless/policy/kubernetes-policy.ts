import { z } from 'zod';
import { protocols } from '../abi/protocols.ts';
import { CidrRule } from './cidr-rule.ts';
import { kubernetesKeys, readSelector } from './label-selector.ts';
import { namespaceLabel, namespaceLabelsPrefix } from './pod-labels.ts';
import { child, foreignField, isMapping, type Problem, read } from './problem.ts';
import type { Direction, ParsedPolicy, Peer, PeerRule, PolicyName, PortMatch, Rule } from './rule.ts';
import type { Requirement, Selector } from './selector.ts';

/** Reads a NetworkPolicy. One that has a problem anywhere fails closed: default deny, and nothing is allowed. */
export function parseKubernetesPolicy(policy: PolicyName, document: Readonly<Record<string, unknown>>): ParsedPolicy {
  const problems: Problem[] = [];
  const foreign = Object.keys(document).filter((key) => !documentFields.includes(key));
  problems.push(...foreign.map((key) => foreignField('', key)));
  const { subject, isolated, allowed } = readSpec(policy, document.spec, problems);
  const failed = problems.length > 0;
  const rules: Rule[] = [
    ...isolated.map((direction): Rule => ({ effect: 'isolate', policy, subject, direction })),
    ...(failed ? [] : allowed),
  ];
  return { policy, rules, problems };
}

const documentFields = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
const specFields = ['podSelector', 'policyTypes', 'ingress', 'egress'];
const directions = ['ingress', 'egress'] as const;

const PolicyTypes = z.array(z.enum(['Ingress', 'Egress'])).default([]);

function readSpec(
  policy: PolicyName,
  spec: unknown,
  problems: Problem[],
): { subject: Selector; isolated: readonly Direction[]; allowed: readonly PeerRule[] } {
  const ownNamespace = inNamespace(policy);
  if (!isMapping(spec)) {
    problems.push({ path: 'spec', problem: spec === undefined ? 'is missing' : 'must be a mapping' });
    return { subject: ownNamespace, isolated: directions, allowed: [] };
  }
  const foreign = Object.keys(spec).filter((key) => !specFields.includes(key));
  problems.push(...foreign.map((key) => foreignField('spec', key)));
  const { podSelector = {} } = spec;
  const selector = readSelector(podSelector, kubernetesKeys, 'spec.podSelector', problems) ?? [];
  const types = read(PolicyTypes, spec.policyTypes, 'spec.policyTypes', problems);
  const subject = [...ownNamespace, ...selector];
  const isolated = types === undefined || foreign.length > 0 ? directions : directionsOf(types, spec.egress);
  const allowed = directions.flatMap((direction) => readRules(policy, subject, direction, spec[direction], problems));
  // Rules of a direction that the policy is not about are without effect.
  return { subject, isolated, allowed: allowed.filter((rule) => isolated.includes(rule.direction)) };
}

/** Without types a policy is about ingress, and about egress if it has rules for it. */
function directionsOf(types: readonly ('Ingress' | 'Egress')[], egress: unknown): readonly Direction[] {
  if (types.length > 0) return directions.filter((direction) => types.some((type) => type.toLowerCase() === direction));
  return egress === undefined || (Array.isArray(egress) && egress.length === 0) ? ['ingress'] : directions;
}

const Port = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
    port: z
      .union(
        [
          z.int().min(1).max(65535),
          z
            .string()
            .regex(/^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/)
            .max(15),
        ],
        {
          error: 'neither a port nor a name',
        },
      )
      .optional(),
    endPort: z.int().min(1).max(65535).optional(),
  })
  .transform(({ protocol, port, endPort }, context): PortMatch => {
    const number = protocols[protocol];
    if (endPort !== undefined && !(typeof port === 'number' && endPort >= port)) {
      context.addIssue({ code: 'custom', path: ['endPort'], message: 'needs a number as port, and not a greater one' });
    }
    if (typeof port === 'string') return { kind: 'named', name: port, protocols: [number] };
    return { kind: 'range', protocol: number, first: port ?? 0, last: endPort ?? port ?? 65535 };
  });

const PodPeer = z.strictObject({ podSelector: z.unknown().optional(), namespaceSelector: z.unknown().optional() });
const BlockPeer = z.strictObject({ ipBlock: CidrRule });
const RuleFields = {
  ingress: z.strictObject({ from: z.array(z.unknown()).default([]), ports: z.array(Port).default([]) }),
  egress: z.strictObject({ to: z.array(z.unknown()).default([]), ports: z.array(Port).default([]) }),
};

function readRules(
  policy: PolicyName,
  subject: Selector,
  direction: Direction,
  value: unknown,
  problems: Problem[],
): PeerRule[] {
  const path = child('spec', direction);
  const elements = read(z.array(z.unknown()).default([]), value, path, problems) ?? [];
  return elements.flatMap((element, index) => {
    const rulePath = child(path, index);
    const name = { ...policy, path: rulePath, direction, index, deny: false };
    const parts = readParts(policy, direction, element, rulePath, problems);
    return parts === null ? [] : [{ effect: 'allow', name, subject, direction, ...parts }];
  });
}

/** Without peers a rule is for everybody, without ports for all of them. */
function readParts(
  policy: PolicyName,
  direction: Direction,
  value: unknown,
  path: string,
  problems: Problem[],
): { peers: readonly Peer[]; ports: readonly PortMatch[] } | null {
  const before = problems.length;
  const ingress = direction === 'ingress' ? read(RuleFields.ingress, value, path, problems) : undefined;
  const egress = direction === 'egress' ? read(RuleFields.egress, value, path, problems) : undefined;
  const list = child(path, direction === 'ingress' ? 'from' : 'to');
  const peers = (ingress?.from ?? egress?.to ?? []).flatMap((peer, index) =>
    readPeer(policy, peer, child(list, index), problems),
  );
  if (problems.length > before) return null;
  const ports = ingress?.ports ?? egress?.ports ?? [];
  return {
    peers: peers.length === 0 ? [{ kind: 'everybody' }] : peers,
    ports: ports.length === 0 ? [{ kind: 'all' }] : ports,
  };
}

function readPeer(policy: PolicyName, value: unknown, path: string, problems: Problem[]): Peer[] {
  if (isMapping(value) && value.ipBlock !== undefined) {
    const block = read(BlockPeer, value, path, problems)?.ipBlock;
    return block === undefined ? [] : [{ kind: 'cidr', ...block }];
  }
  const peer = read(PodPeer, value, path, problems);
  if (peer === undefined) return [];
  const { podSelector, namespaceSelector } = peer;
  if (podSelector === undefined && namespaceSelector === undefined) {
    problems.push({ path, problem: 'selects nobody' });
    return [];
  }
  // What is null selects nothing by itself: taken for an empty selector it would let every pod in.
  const pods = readSelector(
    podSelector === undefined ? {} : podSelector,
    kubernetesKeys,
    child(path, 'podSelector'),
    problems,
  );
  const namespaces =
    namespaceSelector === undefined
      ? inNamespace(policy)
      : readNamespaces(namespaceSelector, child(path, 'namespaceSelector'), problems);
  return pods === undefined || namespaces === undefined ? [] : [{ kind: 'labels', selector: [...namespaces, ...pods] }];
}

function inNamespace({ namespace }: PolicyName): Selector {
  return [{ key: `k8s:${namespaceLabel}`, operator: 'In', values: [namespace ?? ''] }];
}

const isPod: Requirement = { key: `k8s:${namespaceLabel}`, operator: 'Exists', values: [] };

/** Labels of namespaces are among their pods' own, under longer names. */
function readNamespaces(value: unknown, path: string, problems: Problem[]): Selector | undefined {
  const selector = readSelector(value, kubernetesKeys, path, problems);
  return (
    selector && [
      isPod,
      ...selector.map((requirement) => ({
        ...requirement,
        key: requirement.key.replace('k8s:', `k8s:${namespaceLabelsPrefix}`),
      })),
    ]
  );
}

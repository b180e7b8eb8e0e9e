import type { Cidr } from '../address/cidr.ts';
import { hostIdentity, type Identity } from './identity.ts';
import {
  type Direction,
  localNodeRule,
  type NamedPorts,
  type Peer,
  type PeerRule,
  type PolicyName,
  type PortMatch,
  type Rule,
  type RuleName,
} from './rule.ts';
import type { Labels, Requirement, Selector } from './selector.ts';

export type Verdict = 'allowed' | 'denied-by-rule' | 'no-rule';

/** Who opens a connection to or from the endpoint, and to which port; for ICMP it is the type. */
export type Question = {
  endpoint: { labels: Labels };
  direction: Direction;
  peer: Identity;
  protocol: number;
  port: number;
  rules: readonly Rule[];
  namedPorts: NamedPorts;
};

/**
 * `rule` is the first that decides, null where none does. `isolatedBy` are the objects that put the endpoint in default
 * deny; without any, what no rule denies is allowed.
 */
export type Decision = { verdict: Verdict; rule: RuleName | null; isolatedBy: readonly PolicyName[] };

/**
 * Decides straight from the rules, one after the other. It shares nothing with the compiler, whose entries are tested
 * against it: that is why it matches labels and ranges in ways of its own.
 */
export function decide(question: Question): Decision {
  const { endpoint, direction, peer, rules } = question;
  const about = rules.filter((rule) => rule.direction === direction && allHold(rule.subject, endpoint.labels));
  const isolatedBy = about.flatMap((rule) => (rule.effect === 'isolate' ? [rule.policy] : []));
  const first = (effect: PeerRule['effect']): RuleName | undefined =>
    about.flatMap((rule) => (rule.effect === effect && concerns(rule, question) ? [rule.name] : []))[0];
  const denial = first('deny');
  if (denial !== undefined) return { verdict: 'denied-by-rule', rule: denial, isolatedBy };
  const allowance = first('allow');
  if (allowance !== undefined) return { verdict: 'allowed', rule: allowance, isolatedBy };
  if (isolatedBy.length === 0) return { verdict: 'allowed', rule: null, isolatedBy };
  if (direction === 'ingress' && peer.id === hostIdentity.id) {
    return { verdict: 'allowed', rule: localNodeRule, isolatedBy };
  }
  return { verdict: 'no-rule', rule: null, isolatedBy };
}

function concerns(rule: PeerRule, { direction, peer, protocol, port, namedPorts }: Question): boolean {
  const names = direction === 'ingress' ? namedPorts.own : (namedPorts.ofIdentity.get(peer.id) ?? []);
  const here = names.filter((named) => named.protocol === protocol && named.port === port).map(({ name }) => name);
  return (
    rule.peers.some((candidate) => isMeant(candidate, peer.labels)) &&
    rule.ports.some((match) => fits(match, protocol, port, here))
  );
}

function fits(match: PortMatch, protocol: number, port: number, namesOfPort: readonly string[]): boolean {
  if (match.kind === 'all') return true;
  if (match.kind === 'named') return match.protocols.includes(protocol) && namesOfPort.includes(match.name);
  return match.protocol === protocol && match.first <= port && port <= match.last;
}

function isMeant(peer: Peer, labels: Labels): boolean {
  const keys = Object.keys(labels);
  if (peer.kind === 'everybody') return true;
  if (peer.kind === 'labels') return allHold(peer.selector, labels);
  if (peer.kind === 'entity') {
    if (peer.entity !== 'cluster') return keys.includes(`reserved:${peer.entity}`);
    const reserved = /^reserved:(host|remote-node|kube-apiserver|health|init|ingress|unmanaged)$/;
    return keys.some((key) => key === 'k8s:io.kubernetes.pod.namespace' || reserved.test(key));
  }
  return keys
    .filter((key) => key.startsWith('cidr:'))
    .some((key) => isWithin(key.slice(5), peer.cidr) && !peer.except.some((hole) => isWithin(key.slice(5), hole)));
}

function allHold(selector: Selector, labels: Labels): boolean {
  return !selector.some((requirement) => !holds(requirement, labels));
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const [source, name] = split(key);
  const found = Object.entries(labels).filter(([label]) => {
    const [labelSource, labelName] = split(label);
    return labelName === name && (source === 'any' || source === labelSource);
  });
  if (operator === 'Exists') return found.length > 0;
  if (operator === 'DoesNotExist') return found.length === 0;
  const listed = found.some(([, value]) => values.includes(value));
  return operator === 'In' ? listed : !listed;
}

function split(key: string): [source: string, name: string] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon), key.slice(colon + 1)];
}

/** Whether both ends of a range in canonical notation lie in another, compared bit by bit as text. */
function isWithin(text: string, range: Cidr): boolean {
  const slash = text.indexOf('/');
  const inner = { address: text.slice(0, slash), bits: Number(text.slice(slash + 1)) };
  const outer = range.text.slice(0, range.text.indexOf('/'));
  if (inner.address.includes(':') !== outer.includes(':') || inner.bits < range.bits) return false;
  return binary(inner.address).slice(0, range.bits) === binary(outer).slice(0, range.bits);
}

function binary(address: string): string {
  if (!address.includes(':')) {
    return address
      .split('.')
      .map((byte) => Number(byte).toString(2).padStart(8, '0'))
      .join('');
  }
  const present = address.split(':').filter((group) => group !== '').length;
  const full = address.replace('::', `:${'0:'.repeat(8 - present)}`);
  return full
    .split(':')
    .filter((group) => group !== '')
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}

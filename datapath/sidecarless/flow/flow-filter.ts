import { isIP } from 'node:net';
import { LabError } from '../../../clusters/error.ts';
import type { FlowFilter, flowTypes } from '../../flow-query.ts';
import { formatAddress, parseAddress } from '../address/address.ts';
import { reservedLabel, reservedNames } from '../identities/reserved-identity.ts';
import { type Flow, type FlowEndpoint, messageTypes, portsOf, protocolOf, type Verdict, verdicts } from './flow.ts';

const protocols = {
  TCP: ['TCP'],
  UDP: ['UDP'],
  SCTP: ['SCTP'],
  ICMP: ['ICMPv4', 'ICMPv6'],
  ICMPV4: ['ICMPv4'],
  ICMPV6: ['ICMPv6'],
} as const;

/** `event_type.type` of flows by the names that Hubble's filters have for them. */
const types: Readonly<Record<(typeof flowTypes)[number], number>> = {
  trace: messageTypes.flow,
  drop: messageTypes.drop,
  'policy-verdict': messageTypes['policy-verdict'],
  'trace-sock': messageTypes.translation,
};

/** @throws LabError LAB_FLOW_FILTER (exit 2) about the first value that can match nothing, with those that can. */
export function flowFilter(filter: FlowFilter): (flow: Flow) => boolean {
  const pods = anyOf(filter.pods, podMatch);
  const namespaces = anyOf(filter.namespaces, namespaceMatch);
  const from = anyOf(filter.from, endMatch);
  const to = anyOf(filter.to, endMatch);
  const ports = filter.ports?.length ? new Set(filter.ports.map(knownPort)) : null;
  const wanted = filter.verdicts?.length ? new Set(filter.verdicts.map(knownVerdict)) : null;
  const seen = filter.types?.length ? new Set(filter.types.map(knownType)) : null;
  const spoken = filter.protocols?.length ? new Set(filter.protocols.flatMap(knownProtocol)) : null;
  return (flow) => {
    if (wanted !== null && !wanted.has(flow.verdict)) return false;
    if (seen !== null && !seen.has(flow.event_type.type)) return false;
    if (spoken !== null && !spoken.has(protocolOf(flow))) return false;
    if (ports !== null && !hasPort(flow, ports)) return false;
    const source: End = { endpoint: flow.source, address: flow.IP.source };
    const destination: End = { endpoint: flow.destination, address: flow.IP.destination };
    return (
      (pods === null || pods(source) || pods(destination)) &&
      (namespaces === null || namespaces(source) || namespaces(destination)) &&
      (from === null || from(source)) &&
      (to === null || to(destination))
    );
  };
}

type End = { endpoint: FlowEndpoint; address: string | null };
type Match = (end: End) => boolean;

function anyOf(values: readonly string[] | undefined, matchOf: (value: string) => Match): Match | null {
  if (values === undefined || values.length === 0) return null;
  const matches = values.map(matchOf);
  return (end) => matches.some((match) => match(end));
}

function endMatch(value: string): Match {
  if (isIP(value) !== 0) {
    const wanted = formatAddress(parseAddress(value));
    return ({ address }) => address === wanted;
  }
  if (value.startsWith('reserved:')) {
    const wanted = knownIdentity(value);
    // A range of addresses has a number of its own, and is in the world still.
    return ({ endpoint }) => endpoint.identity === wanted || endpoint.labels.includes(value);
  }
  return podMatch(value);
}

function podMatch(value: string): Match {
  const parts = value.split('/');
  const [namespace, name] = parts.length === 1 ? [null, value] : parts;
  if (parts.length > 2 || namespace === '' || value === '') {
    throw refusal(
      `"${value}" names no pod`,
      'Pods are given as namespace/name, as name, or as namespace/ for all of one.',
    );
  }
  return ({ endpoint }) =>
    (namespace === null || endpoint.namespace === namespace) && isNamed(endpoint.pod_name, name ?? '');
}

function isNamed(pod: string | null, name: string): boolean {
  if (pod === null) return false;
  return name === '' || pod === name || pod.startsWith(name.endsWith('-') ? name : `${name}-`);
}

function namespaceMatch(namespace: string): Match {
  return ({ endpoint }) => endpoint.namespace === namespace;
}

function hasPort(flow: Flow, wanted: ReadonlySet<number>): boolean {
  const ports = portsOf(flow);
  return ports !== null && (wanted.has(ports.destination) || (ports.source !== null && wanted.has(ports.source)));
}

function knownVerdict(value: string): Verdict {
  const verdict = verdicts.find((candidate) => candidate === value.toUpperCase());
  if (verdict !== undefined) return verdict;
  throw refusal(
    `"${value}" is no verdict`,
    `Verdicts are ${verdicts.join(', ')}; a policy verdict's ALLOWED is FORWARDED, and its DENIED is DROPPED.`,
  );
}

function knownType(value: string): number {
  const number = new Map<string, number>(Object.entries(types)).get(value);
  if (number !== undefined) return number;
  throw refusal(`"${value}" is no type of flows`, `Types are ${Object.keys(types).join(', ')}.`);
}

function knownProtocol(value: string): readonly string[] {
  const names = new Map<string, readonly string[]>(Object.entries(protocols)).get(value.toUpperCase());
  if (names !== undefined) return names;
  throw refusal(`"${value}" is no protocol that flows have`, 'Protocols are tcp, udp, sctp, icmp, icmpv4, icmpv6.');
}

function knownPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw refusal(`${port} is no port`, 'Ports are whole numbers from 1 to 65535.');
}

function knownIdentity(value: string): number {
  for (const [number, name] of reservedNames) if (value === reservedLabel(name)) return number;
  const known = [...reservedNames.values()].map(reservedLabel);
  throw refusal(`"${value}" is no reserved identity`, `Those are ${known.join(', ')}.`);
}

function refusal(message: string, remedy: string): LabError {
  return new LabError('LAB_FLOW_FILTER', { message, remedy, exitCode: 2 });
}

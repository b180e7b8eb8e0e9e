import { z } from 'zod';
import { LabError } from '../../../clusters/error.ts';
import { type PolicyAnswer, type PolicyDirection, policyEntities, policyProtocols } from '../../policy-question.ts';
import { endpointOf as endpointIn } from '../abi/endpoint.ts';
import { identityOf as identityIn, ipcacheKey } from '../abi/ipcache.ts';
import { numbers } from '../abi/numbers.ts';
import { decisionOf, policyKey } from '../abi/policy.ts';
import { protocols } from '../abi/protocols.ts';
import { parseAddress } from '../address/address.ts';
import { cidrContains, parseCidr } from '../address/cidr.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';
import { reservedNames } from '../identities/reserved-identity.ts';
import type { Datapath } from '../maps/datapath.ts';
import { cidrsOf } from '../policy/cidrs.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { cidrLabels, reservedIdentities } from '../policy/identity.ts';
import { lookup } from '../policy/lookup.ts';
import { placeBits } from '../policy/port-space.ts';
import { directionNumbers, localNodeRule } from '../policy/rule.ts';
import type { RuleTable } from '../policy/rule-table.ts';
import { type Labels, selects } from '../policy/selector.ts';
import { ruleText } from './rule-text.ts';

/** What an agent is asked. `peer` is an address or an entity. */
const TraceQuery = z.strictObject({
  namespace: z.string().min(1),
  pod: z.string().min(1),
  direction: z.enum(['egress', 'ingress']),
  peer: z.union([z.enum(policyEntities), z.ipv4(), z.ipv6()]),
  protocol: z.enum(policyProtocols),
  port: z.coerce.number().int().min(0).max(65535),
});
export type TraceQuery = z.infer<typeof TraceQuery>;

/** @throws LabError LAB_TRACE_QUERY (exit 2) about the first that is wrong. */
export function readTraceQuery(query: URLSearchParams): TraceQuery {
  const result = TraceQuery.safeParse(Object.fromEntries(query));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new LabError('LAB_TRACE_QUERY', {
    message: `A connection cannot be traced like this: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    exitCode: 2,
  });
}

export type TraceSources = {
  datapath: Datapath;
  endpoints: ReadonlyMap<string, Endpoint>;
  identities: IdentityRegistry;
  state: ClusterState;
  table: RuleTable;
};

/** What the kernel's programs would find in the maps. `found` is where, for people. */
type Enforced = { verdict: 'allowed' | 'denied-by-rule' | 'no-rule'; rule: number; found: string };

/**
 * Says what becomes of a connection of a pod of this node, by looking it up in the kernel's maps as the programs do, and
 * holds that against the policy that was compiled last.
 * @throws LabError LAB_ENDPOINT_UNKNOWN where the pod is not connected to this node.
 */
export function tracePolicy(query: TraceQuery, sources: TraceSources): PolicyAnswer {
  const { state, table } = sources;
  const { direction, port } = query;
  // It is known by its address: only where that is a node's it has the number of the entity.
  const peer = query.peer === 'kube-apiserver' ? (state.apiServers()[0] ?? query.peer) : query.peer;
  const endpoint = endpointOf(query, sources);
  const isIPv6 = peer.includes(':');
  const protocol = query.protocol === 'ICMP' && isIPv6 ? protocols.ICMPv6 : protocols[query.protocol];
  const identity = identityOf(peer, sources.datapath);
  const packet = { identity, direction, protocol, port };
  const enforced = lookUp(endpoint, packet, isIPv6, sources.datapath);
  const expected = endpoint.policy === null ? null : lookup(endpoint.policy, packet);
  const selectedBy = state.policies().flatMap(({ policy, rules, problems }) => {
    const isolates = rules.some(
      (rule) => rule.effect === 'isolate' && rule.direction === direction && selects(rule.subject, endpoint.pod.labels),
    );
    return isolates ? [{ ...policy, problems: problems.map(({ path, problem }) => `${path}: ${problem}`) }] : [];
  });
  return {
    verdict: enforced.verdict === 'allowed' ? 'allowed' : 'denied',
    ...decider(enforced, policed(endpoint.policy, direction), sources),
    selectedBy,
    peer: { identity, name: nameOf(identity), labels: labelsOf(identity, peer, sources) },
    source: enforced.found,
    disagreement: disagreement(enforced, expected, table),
  };
}

function endpointOf({ namespace, pod }: TraceQuery, { endpoints }: TraceSources): Endpoint {
  for (const endpoint of endpoints.values()) {
    if (endpoint.pod.namespace === namespace && endpoint.pod.name === pod) return endpoint;
  }
  throw new LabError('LAB_ENDPOINT_UNKNOWN', {
    message: `The pod ${namespace}/${pod} is not connected to this node`,
    exitCode: 2,
  });
}

const entityIdentities = {
  host: numbers.identity.IDENTITY_HOST,
  world: numbers.identity.IDENTITY_WORLD,
  'remote-node': numbers.identity.IDENTITY_REMOTE_NODE,
  'kube-apiserver': numbers.identity.IDENTITY_API_SERVER,
} as const;

/** As the programs find it: by the longest prefix, and the world where there is none. */
function identityOf(peer: string, { ipcache }: Datapath): number {
  if (Object.hasOwn(entityIdentities, peer) && peer !== 'world') {
    return entityIdentities[peer as keyof typeof entityIdentities];
  }
  // Where policies name all addresses as a range, what is in no other range has that one's identity.
  const key = peer === 'world' ? ipcacheKey('0.0.0.0', 0) : ipcacheKey(peer, peer.includes(':') ? 128 : 32);
  const entry = ipcache.lookup(key);
  return entry === null ? entityIdentities.world : identityIn(entry);
}

function lookUp(
  endpoint: Endpoint,
  {
    identity,
    direction,
    protocol,
    port,
  }: { identity: number; direction: PolicyDirection; protocol: number; port: number },
  isIPv6: boolean,
  { endpoints }: Datapath,
): Enforced {
  const address =
    endpoint.link.addresses.find((own) => own.includes(':') === isIPv6) ?? endpoint.link.addresses[0] ?? '';
  const record = endpoints.lookup(parseAddress(address));
  if (record === null) return { verdict: 'no-rule', rule: 0, found: `no endpoint ${address} in the kernel` };
  const { ENDPOINT_POLICE_INGRESS, ENDPOINT_POLICE_EGRESS } = numbers.endpoint_flag;
  const flag = direction === 'ingress' ? ENDPOINT_POLICE_INGRESS : ENDPOINT_POLICE_EGRESS;
  if ((endpointIn(record).flags & flag) === 0) {
    return { verdict: 'allowed', rule: 0, found: `endpoint ${endpoint.id}, which is not policed for ${direction}` };
  }
  for (const id of [identity, 0]) {
    const key = { identity: id, direction: directionNumbers[direction], protocol, port, prefixBits: placeBits };
    const entry = endpoint.lookup(policyKey({ ...key, deny: false, rule: 0 }));
    if (entry === null) continue;
    const { deny, rule } = decisionOf(entry);
    const verdict = deny ? 'denied-by-rule' : 'allowed';
    const whose = id === 0 ? 'everybody' : `identity ${id}`;
    return { verdict, rule, found: `the entry for ${whose} in the map of endpoint ${endpoint.id}` };
  }
  return { verdict: 'no-rule', rule: 0, found: `no entry in the map of endpoint ${endpoint.id}` };
}

function policed(policy: CompiledPolicy | null, direction: PolicyDirection): boolean {
  if (policy === null) return false;
  return direction === 'ingress' ? policy.policeIngress : policy.policeEgress;
}

function decider(
  { verdict, rule: number }: Enforced,
  isPoliced: boolean,
  { state, table }: TraceSources,
): Pick<PolicyAnswer, 'decidedBy' | 'rule'> {
  if (verdict === 'no-rule') return { decidedBy: 'default-deny', rule: null };
  if (number === 0) return { decidedBy: isPoliced ? 'no-denial' : 'no-policy', rule: null };
  const name = table.nameOf(number);
  if (name === null) {
    // A rule of an object that is gone: the map is about to be written anew.
    return { decidedBy: 'rule', rule: { kind: 'unknown', namespace: null, name: `${number}`, path: '', says: '' } };
  }
  if (name.kind === localNodeRule.kind) {
    const says = 'a node reaches its own pods, as probes must, unless a rule denies it';
    return { decidedBy: 'implicit', rule: { kind: name.kind, namespace: null, name: name.name, path: '', says } };
  }
  const rule = state.rules().find((one) => one.effect !== 'isolate' && table.numberOf(one.name) === number);
  const says = rule === undefined || rule.effect === 'isolate' ? '' : ruleText(rule);
  return {
    decidedBy: 'rule',
    rule: { kind: name.kind, namespace: name.namespace, name: name.name, path: name.path, says },
  };
}

function disagreement(
  enforced: Enforced,
  expected: { verdict: Enforced['verdict']; rule: number } | null,
  table: RuleTable,
): string | null {
  if (expected === null) return 'the agent has not written a policy for this pod yet';
  if (expected.verdict === enforced.verdict && expected.rule === enforced.rule) return null;
  const text = ({ verdict, rule }: { verdict: string; rule: number }): string => {
    const name = table.nameOf(rule);
    const whose = name === null ? '' : ` by ${name.kind} ${name.namespace ?? ''}/${name.name} ${name.path}`;
    return `${verdict}${whose}`;
  };
  return `the kernel's maps say ${text(enforced)}, and the policy that they were written from ${text(expected)}`;
}

function nameOf(identity: number): string {
  return reservedNames.get(identity) ?? `ID:${identity}`;
}

function labelsOf(identity: number, peer: string, { identities, state }: TraceSources): string[] {
  const known = reservedIdentities.find(({ id }) => id === identity)?.labels ?? identities.labelsOf(identity);
  return listed(known ?? rangeLabels(peer, state));
}

/** Of an address that has a range's identity: those of the longest range that it is in. */
function rangeLabels(peer: string, state: ClusterState): Labels {
  const address = parseCidr(peer === 'world' ? '0.0.0.0/0' : peer);
  if (address === null) return {};
  const around = cidrsOf(state.rules()).filter((cidr) => cidrContains(cidr, address));
  const [longest] = around.toSorted((a, b) => b.bits - a.bits);
  return longest === undefined ? {} : cidrLabels(longest);
}

function listed(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
}

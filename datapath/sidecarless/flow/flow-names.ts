import type { ClusterState } from '../cluster/cluster-state.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { AddressRanges } from '../identities/address-ranges.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';
import type { Rule } from '../policy/rule.ts';
import type { RuleTable } from '../policy/rule-table.ts';
import type { Labels } from '../policy/selector.ts';
import type { ServiceTable } from '../services/services.ts';
import type { PolicyMatch } from './flow.ts';
import type { FlowContext, FlowPod } from './flow-context.ts';

export type FlowNames = {
  ownNode: string;
  state: ClusterState;
  identities: IdentityRegistry;
  endpoints: ReadonlyMap<string, Endpoint>;
  table: RuleTable;
  ranges: AddressRanges;
  services: ServiceTable;
  /** From CLOCK_MONOTONIC to the time of day. */
  clockOffsetNanoseconds: bigint;
  newUuid: () => string;
};

/** What the agent knows of the numbers in events now: who has which address is looked up once. */
export function flowContext(names: FlowNames): FlowContext {
  const { ownNode, state, identities, endpoints, table, ranges, services, clockOffsetNanoseconds, newUuid } = names;
  const pods = new Map<string, FlowPod | null>();
  const findPod = (address: string): FlowPod | null => {
    for (const { pod, identity, link, id } of endpoints.values()) {
      if (link.addresses.includes(address)) return { ...named(pod), identity, endpoint: id };
    }
    const pod = state.pods().find(({ addresses }) => addresses.includes(address));
    return pod === undefined ? null : { ...named(pod), identity: identities.find(pod.labels) ?? 0, endpoint: null };
  };
  const podOf = (address: string): FlowPod | null => {
    const known = pods.get(address);
    if (known !== undefined) return known;
    const pod = findPod(address);
    pods.set(address, pod);
    return pod;
  };
  return {
    nodeName: ownNode,
    clockOffsetNanoseconds,
    newUuid,
    pod: podOf,
    identityLabels: (id) => listed(identities.labelsOf(id) ?? ranges.labelsOf(id) ?? {}),
    service: (address, port) => services.nameOf(address, port),
    rule(number) {
      const name = table.nameOf(number);
      if (name === null) return null;
      const rule = state.rules().find((one) => one.effect !== 'isolate' && table.numberOf(one.name) === number);
      return { kind: name.kind, namespace: name.namespace, name: name.name, match: matchOf(rule) };
    },
    socketPod: () => null,
  };
}

/** What of a packet a rule looks at. */
function matchOf(rule: Rule | undefined): PolicyMatch {
  if (rule === undefined || rule.effect === 'isolate') return 'all';
  const peers = !rule.peers.some(({ kind }) => kind === 'everybody');
  const ports = !rule.ports.some(({ kind }) => kind === 'all');
  if (peers) return ports ? 'L3-L4' : 'L3-Only';
  return ports ? 'L4-Only' : 'all';
}

function named({ namespace, name, workload, labels }: PodFacts): Omit<FlowPod, 'identity' | 'endpoint'> {
  return { namespace, name, workload, labels: listed(labels) };
}

function listed(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
}

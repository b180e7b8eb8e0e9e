import { type CompiledPolicy, compile } from '../policy/compile.ts';
import { type Identity, reservedIdentities } from '../policy/identity.ts';
import type { NamedPort, Rule } from '../policy/rule.ts';
import type { RuleTable } from '../policy/rule-table.ts';
import type { AddressRange, AddressRanges } from './address-ranges.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Endpoint } from './endpoint.ts';
import type { IdentityRegistry } from './identity-registry.ts';
import { ipcacheEntries } from './ipcache.ts';
import type { Mirror } from './mirror.ts';
import type { PodFacts } from './pod-facts.ts';

export type ReconcilerOptions = {
  state: ClusterState;
  registry: IdentityRegistry;
  ipcache: Mirror;
  table: RuleTable;
  ranges: AddressRanges;
  endpoints: ReadonlyMap<string, Endpoint>;
  ownNode: string;
  /** What connections that are open may do has changed. */
  bumpEpoch: () => void;
};

/** Makes policy and ipcache say what the cluster's objects say. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #compiled = new Map<string, CompiledPolicy>();
  #inputs = '';

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** A pod's policy as things are. */
  policyOf(pod: PodFacts): CompiledPolicy {
    const rules = this.#options.state.rules();
    return this.#policies(rules, this.#identities(this.#outside(rules)))(pod);
  }

  /** Writes what has changed. Nobody is let in before policy is there, and nobody stays when it is not. */
  reconcile(): void {
    const { state, registry, ipcache, endpoints, ownNode, bumpEpoch } = this.#options;
    const rules = state.rules();
    const outside = this.#outside(rules);
    this.#refresh();
    const policyOf = this.#policies(rules, this.#identities(outside));
    let changed = false;
    for (const endpoint of endpoints.values()) changed = endpoint.grant(policyOf(endpoint.pod)) || changed;
    const local = [...endpoints.values()].map(({ pod, identity, link }) => ({
      pod: { ...pod, node: ownNode, addresses: link.addresses },
      identity,
    }));
    const entries = ipcacheEntries({
      ownNode,
      nodes: state.nodes(),
      apiServers: state.apiServers(),
      pods: [...state.pods().map((pod) => ({ pod, identity: registry.find(pod.labels) })), ...local],
      ranges: outside,
    });
    const unique = [...new Map(entries.map((entry) => [Buffer.from(entry.key).toString('latin1'), entry])).values()];
    changed = ipcache.put(unique) || changed;
    changed = ipcache.keepOnly(unique.map(({ key }) => key)) || changed;
    for (const endpoint of endpoints.values()) changed = endpoint.revoke() || changed;
    if (changed) bumpEpoch();
  }

  #outside(rules: readonly Rule[]): AddressRange[] {
    const { state, ranges } = this.#options;
    return ranges.of(rules, { apiServers: state.apiServers(), nodes: state.nodes() });
  }

  #identities(outside: readonly AddressRange[]): Identity[] {
    return [...reservedIdentities, ...this.#options.registry.all(), ...outside.map(({ identity }) => identity)];
  }

  /** Labels of pods and of their namespaces change. One that has no identity yet keeps its old one until then. */
  #refresh(): void {
    const { state, registry, endpoints } = this.#options;
    for (const endpoint of endpoints.values()) {
      const { namespace, name, uid } = endpoint.pod;
      const pod = state.pod(namespace, name);
      const identity = pod?.uid === uid ? registry.find(pod.labels) : null;
      if (pod === null || identity === null) continue;
      endpoint.pod = pod;
      endpoint.identity = identity;
    }
  }

  /** Pods with the same labels and ports have the same policy. */
  #policies(rules: readonly Rule[], identities: readonly Identity[]): (pod: PodFacts) => CompiledPolicy {
    const { state, table } = this.#options;
    const ofIdentity = this.#namedPorts();
    const inputs = `${state.rulesVersion} ${identities.map(({ id }) => id).join(' ')} ${JSON.stringify([...ofIdentity])}`;
    if (inputs !== this.#inputs) this.#compiled.clear();
    this.#inputs = inputs;
    return (pod) => {
      const key = JSON.stringify([pod.labels, pod.namedPorts]);
      const known = this.#compiled.get(key);
      if (known !== undefined) return known;
      const namedPorts = { own: pod.namedPorts, ofIdentity };
      const policy = compile({ endpoint: { labels: pod.labels }, rules, identities, namedPorts, table });
      this.#compiled.set(key, policy);
      return policy;
    };
  }

  /** By identity, the ports that some pod of it has given a name. */
  #namedPorts(): Map<number, NamedPort[]> {
    const { state, registry } = this.#options;
    const ofIdentity = new Map<number, NamedPort[]>();
    for (const { labels, namedPorts } of state.pods()) {
      const id = namedPorts.length === 0 ? null : registry.find(labels);
      if (id === null) continue;
      const known = ofIdentity.get(id) ?? [];
      const fresh = namedPorts.filter((one) => !known.some((other) => JSON.stringify(other) === JSON.stringify(one)));
      ofIdentity.set(id, [...known, ...fresh]);
    }
    return ofIdentity;
  }
}

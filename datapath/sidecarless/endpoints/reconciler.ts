import { policyMap } from '../abi/maps.ts';
import { log } from '../agent/log.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import type { AddressRange, AddressRanges } from '../identities/address-ranges.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';
import { ipcacheEntries } from '../identities/ipcache.ts';
import type { Mirror } from '../maps/mirror.ts';
import { type CompiledPolicy, compile } from '../policy/compile.ts';
import { apiServerHostIdentity, hostIdentity, type Identity, reservedIdentities } from '../policy/identity.ts';
import type { NamedPort, Rule } from '../policy/rule.ts';
import type { RuleTable } from '../policy/rule-table.ts';
import { type Endpoint, nothing } from './endpoint.ts';

export type ReconcilerOptions = {
  state: ClusterState;
  registry: IdentityRegistry;
  ipcache: Mirror;
  table: RuleTable;
  ranges: AddressRanges;
  endpoints: ReadonlyMap<string, Endpoint>;
  ownNode: string;
  ownAddresses: () => readonly string[];
  /** What connections that are open may do has changed. */
  bumpEpoch: () => void;
};

/** Makes policy and ipcache say what the cluster's objects say. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #compiled = new Map<string, CompiledPolicy>();
  #inputs = '';
  #enforced = 0;
  /** Whether something has been written that open connections do not know of yet. */
  #changed = false;
  /** Of pods, by uid. */
  #numbers: ReadonlyMap<string, number> = new Map();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** The version of the rules that was written last, all of it. */
  get enforcedVersion(): number {
    return this.#enforced;
  }

  /** A pod's policy as things are. */
  policyOf(pod: PodFacts): CompiledPolicy {
    const rules = this.#options.state.rules();
    return this.#policies(rules, this.#identities(this.#outside(rules)))(pod);
  }

  /**
   * Writes what has changed. Nobody is let in before policy is there, and nobody stays when it is not. A pod whose own
   * policy cannot be written is cut off, and holds up nobody else.
   * @returns why that is, by pod.
   */
  reconcile(): Map<Endpoint, Error> {
    const { state, endpoints, bumpEpoch } = this.#options;
    const version = state.rulesVersion;
    const rules = state.rules();
    const outside = this.#outside(rules);
    this.#refresh();
    const policyOf = this.#policies(rules, this.#identities(outside));
    const failures = new Map<Endpoint, Error>();
    const attempt = (endpoint: Endpoint, write: () => boolean): void => {
      try {
        this.#changed = write() || this.#changed;
      } catch (error) {
        failures.set(endpoint, error as Error);
        this.#changed = true;
      }
    };
    for (const endpoint of endpoints.values()) attempt(endpoint, () => endpoint.grant(policyOf(endpoint.pod)));
    try {
      this.#writeAddresses(outside);
    } finally {
      for (const endpoint of endpoints.values()) {
        attempt(endpoint, () => endpoint.revoke());
      }
      if (this.#changed) bumpEpoch();
      this.#changed = false;
    }
    if (failures.size === 0) this.#enforced = version;
    return failures;
  }

  #writeAddresses(outside: readonly AddressRange[]): void {
    const { state, ipcache, endpoints, ownNode, ownAddresses } = this.#options;
    const local = [...endpoints.values()].map(({ pod, identity, link }) => ({
      pod: { ...pod, node: ownNode, addresses: link.addresses },
      identity,
    }));
    const entries = ipcacheEntries({
      ownNode,
      ownAddresses: ownAddresses(),
      nodes: state.nodes(),
      apiServers: state.apiServers(),
      pods: [...this.#named(), ...local],
      ranges: outside,
    });
    const unique = [...new Map(entries.map((entry) => [Buffer.from(entry.key).toString('latin1'), entry])).values()];
    this.#changed = ipcache.put(unique) || this.#changed;
    this.#changed = ipcache.keepOnly(unique.map(({ key }) => key)) || this.#changed;
  }

  /** Pods by their numbers. One whose labels have changed keeps its number until the new ones have one. */
  #named(): { pod: PodFacts; identity: number | null }[] {
    const { state, registry } = this.#options;
    const pods = state
      .pods()
      .map((pod) => ({ pod, identity: registry.find(pod.labels) ?? this.#numbers.get(pod.uid) ?? null }));
    this.#numbers = new Map(pods.flatMap(({ pod, identity }) => (identity === null ? [] : [[pod.uid, identity]])));
    return pods;
  }

  #outside(rules: readonly Rule[]): AddressRange[] {
    const { state, ranges } = this.#options;
    return ranges.of(rules, { apiServers: state.apiServers(), nodes: state.nodes() });
  }

  #identities(outside: readonly AddressRange[]): Identity[] {
    const { state, ownNode, ownAddresses, registry } = this.#options;
    const apiServers = state.apiServers();
    const own = state.nodes().find(({ name }) => name === ownNode);
    const addresses = [...ownAddresses(), ...(own?.addresses ?? []), ...(own?.externalAddresses ?? [])];
    const isApiServer = addresses.some((address) => apiServers.includes(address));
    const reserved = isApiServer
      ? reservedIdentities.map((identity) => (identity === hostIdentity ? apiServerHostIdentity : identity))
      : reservedIdentities;
    return [...reserved, ...registry.all(), ...outside.map(({ identity }) => identity)];
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
    const isApiServer = identities.includes(apiServerHostIdentity);
    const numbers = identities.map(({ id }) => id).join(' ');
    const inputs = `${state.rulesVersion} ${isApiServer} ${numbers} ${JSON.stringify([...ofIdentity])}`;
    if (inputs !== this.#inputs) this.#compiled.clear();
    this.#inputs = inputs;
    return (pod) => {
      const key = JSON.stringify([pod.labels, pod.namedPorts]);
      const known = this.#compiled.get(key);
      if (known !== undefined) return known;
      const namedPorts = { own: pod.namedPorts, ofIdentity };
      const policy = whatFits(compile({ endpoint: { labels: pod.labels }, rules, identities, namedPorts, table }), pod);
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

/** What is too large for a map would be enforced in part. */
function whatFits(policy: CompiledPolicy, { namespace, name }: PodFacts): CompiledPolicy {
  const { length } = policy.entries;
  if (length <= policyMap.entries) return policy;
  log('error', 'a pod is cut off: its policy is too large', {
    namespace,
    name,
    entries: length,
    limit: policyMap.entries,
  });
  return nothing;
}

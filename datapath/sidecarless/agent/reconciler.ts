import { cidrsOf } from '../policy/cidrs.ts';
import { type CompiledPolicy, compile } from '../policy/compile.ts';
import type { Identity } from '../policy/identity.ts';
import { cidrLabels, reservedIdentities } from '../policy/identity.ts';
import type { NamedPort, Rule } from '../policy/rule.ts';
import type { RuleTable } from '../policy/rule-table.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Endpoint } from './endpoint.ts';
import type { IdentityRegistry } from './identity-registry.ts';
import { ipcacheEntries } from './ipcache.ts';
import type { Mirror } from './mirror.ts';
import { Numbering } from './numbering.ts';
import type { PodFacts } from './pod-facts.ts';

/** Above all identities of pods: a node's own, for ranges that its policies name. */
const firstCidrIdentity = 1 << 24;

export type ReconcilerOptions = {
  state: ClusterState;
  registry: IdentityRegistry;
  ipcache: Mirror;
  table: RuleTable;
  endpoints: ReadonlyMap<string, Endpoint>;
  ownNode: string;
  /** What connections that are open may do has changed. */
  bumpEpoch: () => void;
};

/** Makes policy and ipcache say what the cluster's objects say. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #cidrNumbers = new Numbering(firstCidrIdentity);
  readonly #compiled = new Map<string, CompiledPolicy>();
  #inputs = '';

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** An endpoint's policy as things are. */
  policyOf(pod: PodFacts): CompiledPolicy {
    const rules = this.#options.state.rules();
    return this.#compile(pod, rules, this.#identities(rules));
  }

  /** Writes what has changed. Nobody is let in before policy is there, and nobody stays when it is not. */
  reconcile(): void {
    const { state, registry, ipcache, endpoints, ownNode, bumpEpoch } = this.#options;
    const rules = state.rules();
    const identities = this.#identities(rules);
    let changed = false;
    for (const endpoint of endpoints.values()) {
      changed = endpoint.grant(this.#compile(endpoint.pod, rules, identities)) || changed;
    }
    const local = [...endpoints.values()].map(({ pod, identity, link }) => ({
      pod: { ...pod, node: ownNode, addresses: link.addresses },
      identity,
    }));
    const entries = ipcacheEntries({
      ownNode,
      nodes: state.nodes(),
      apiServers: state.apiServers(),
      pods: [...state.pods().map((pod) => ({ pod, identity: registry.find(pod.labels) })), ...local],
      cidrs: cidrsOf(rules).map((cidr) => ({ cidr, identity: this.#cidrNumbers.of(cidr.text) })),
    });
    const unique = [...new Map(entries.map((entry) => [Buffer.from(entry.key).toString('latin1'), entry])).values()];
    changed = ipcache.put(unique) || changed;
    changed = ipcache.keepOnly(unique.map(({ key }) => key)) || changed;
    for (const endpoint of endpoints.values()) changed = endpoint.revoke() || changed;
    if (changed) bumpEpoch();
  }

  #identities(rules: readonly Rule[]): Identity[] {
    const cidrs = cidrsOf(rules).map((cidr) => ({ id: this.#cidrNumbers.of(cidr.text), labels: cidrLabels(cidr) }));
    return [...reservedIdentities, ...this.#options.registry.all(), ...cidrs];
  }

  /** Pods with the same labels and ports have the same policy. */
  #compile(pod: PodFacts, rules: readonly Rule[], identities: readonly Identity[]): CompiledPolicy {
    const { state, registry, table } = this.#options;
    const ofIdentity = new Map<number, NamedPort[]>();
    for (const { labels, namedPorts } of state.pods()) {
      const id = registry.find(labels);
      if (id === null || namedPorts.length === 0) continue;
      const known = ofIdentity.get(id) ?? [];
      const fresh = namedPorts.filter((one) => !known.some((other) => JSON.stringify(other) === JSON.stringify(one)));
      ofIdentity.set(id, [...known, ...fresh]);
    }
    const inputs = `${state.rulesVersion} ${identities.map(({ id }) => id).join(' ')} ${JSON.stringify([...ofIdentity])}`;
    if (inputs !== this.#inputs) this.#compiled.clear();
    this.#inputs = inputs;
    const key = JSON.stringify([pod.labels, pod.namedPorts]);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const policy = compile({
      endpoint: { labels: pod.labels },
      rules,
      identities,
      namedPorts: { own: pod.namedPorts, ofIdentity },
      table,
    });
    this.#compiled.set(key, policy);
    return policy;
  }
}

import type { Kube } from '../../../clusters/kube/kube.ts';
import { narrowFirst } from '../abi/ipcache.ts';
import { type ClusterState, watchCluster } from '../cluster/cluster-state.ts';
import { watchSettings } from '../cluster/settings.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { podNaming } from '../endpoints/pod-naming.ts';
import { Reconciler } from '../endpoints/reconciler.ts';
import { type Reconciliation, reconciliation } from '../endpoints/reconciliation.ts';
import { AddressRanges } from '../identities/address-ranges.ts';
import { type IdentityRegistry, watchIdentities } from '../identities/identity-registry.ts';
import { mirrorOf } from '../maps/mirror.ts';
import { nodeRoutes } from '../node/node-routes.ts';
import { watchOwnAddresses } from '../node/own-addresses.ts';
import type { OwnNode } from '../node/own-node.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { reportPolicies } from '../policy-status/policy-status.ts';
import { openServices } from '../services/open-services.ts';
import { serviceWriter } from '../services/service-writer.ts';
import type { ServiceTable } from '../services/services.ts';
import type { AgentMetrics } from '../status/agent-metrics.ts';
import { Changes } from './changes.ts';

/** What the agent knows of the cluster and of its node's pods, and what it makes of that. It grows as objects come. */
export type Watched = {
  state: ClusterState;
  identities: IdentityRegistry;
  services: ServiceTable;
  /** The node's pods with programs and policy, by their owners' keys. */
  endpoints: Map<string, Endpoint>;
  table: RuleTable;
  ranges: AddressRanges;
  reconciler: Reconciler;
  reconciling: Reconciliation;
  /** To be called when the pods that an earlier agent has connected are among the endpoints. */
  onAdopted(): void;
  /** Whether all lists have arrived, and the settings have been written. */
  isListed(): boolean;
  /** Names pods, and forgets services that are gone: to be called when all lists have arrived. */
  settle(): void;
};

export type WatchOptions = {
  node: OwnNode;
  /** The agents' own, where their settings are. */
  namespace: string;
  metrics: Pick<AgentMetrics, 'reconciled' | 'closed'>;
  signal: AbortSignal;
};

/** Watches the API and the node's own addresses until the signal aborts, and writes what changes into the maps. */
export function watch(kube: Kube, { node, namespace, metrics, signal }: WatchOptions): Watched {
  const { name: ownNode, facts: own, datapath, configuration } = node;
  const endpoints = new Map<string, Endpoint>();
  const { promise: adopted, resolve: onAdopted } = Promise.withResolvers<void>();
  const services = openServices({ datapath, ownNode, endpoints, adopted, signal, onClosed: metrics.closed });
  const writer = serviceWriter(services, signal);

  const [clusterChanges, policyChanges] = [new Changes(), new Changes()];
  const identities = watchIdentities(kube, { signal, onChange: policyChanges.tell });
  const ownAddresses = watchOwnAddresses({ signal, onChange: policyChanges.tell });
  const state = watchCluster(kube, {
    signal,
    onChange: clusterChanges.tell,
    onService: writer.service,
    onPolicy: reportPolicies(kube, { signal }),
  });
  watchSettings(kube, { namespace, signal, onChange: (settings) => configuration.set(settings) });

  const [table, ranges] = [new RuleTable(), new AddressRanges()];
  const reconciler = new Reconciler({
    ...{ state, registry: identities, table, ranges, endpoints, ownNode, ownAddresses: ownAddresses.list },
    ipcache: mirrorOf(datapath.ipcache, narrowFirst),
    bumpEpoch: () => configuration.nextEpoch(),
  });
  const reconciling = reconciliation(reconciler, metrics.reconciled);
  const namePods = podNaming({ state, registry: identities, ownNode, signal });
  policyChanges.each(reconciling.soon);
  clusterChanges.each(nodeRoutes({ own, state, signal }));
  clusterChanges.each(reconciling.soon);
  clusterChanges.each(namePods);
  clusterChanges.each(() => writer.nodePorts(state));

  return {
    ...{ state, identities, services, endpoints, table, ranges, reconciler, reconciling, onAdopted },
    isListed: () => configuration.isSet && identities.synced && state.missing().length === 0,
    settle() {
      namePods();
      services.settle();
    },
  };
}

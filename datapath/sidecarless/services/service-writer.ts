import type { ClusterState, StateOptions } from '../cluster/cluster-state.ts';
import { persistently } from './persistently.ts';
import type { ServiceTable } from './services.ts';

/** Brings services into the maps as they are now, again and again where there is no room. */
export type ServiceWriter = {
  service: StateOptions['onService'];
  /** The ports that services and pods have at nodes. */
  nodePorts(state: Pick<ClusterState, 'nodes' | 'pods'>): void;
};

export function serviceWriter(services: ServiceTable, signal: AbortSignal): ServiceWriter {
  const write = persistently('a service', signal);
  return {
    service: (name, service, slices) =>
      write(`${name.namespace}/${name.name}`, () => services.set(name, service, slices)),
    nodePorts: (state) => write('ports of nodes', () => services.setPlaces(state.nodes(), state.pods())),
  };
}

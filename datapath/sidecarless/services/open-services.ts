import type { Datapath } from '../maps/datapath.ts';
import { mirrorOf } from '../maps/mirror.ts';
import { type GoneBackendsOptions, goneBackends } from './gone-backends.ts';
import { ServiceTable } from './services.ts';

export type ServicesOptions = GoneBackendsOptions & {
  datapath: Pick<Datapath, 'services' | 'backends'>;
  ownNode: string;
};

/** The services in the node's maps. Sockets that they have connected to backends that are gone are closed. */
export function openServices(options: ServicesOptions): ServiceTable {
  const { datapath, ownNode } = options;
  return new ServiceTable(mirrorOf(datapath.services), mirrorOf(datapath.backends), ownNode, goneBackends(options));
}

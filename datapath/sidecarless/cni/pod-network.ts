import type { EndpointHooks } from './endpoint.ts';
import type { Ipam } from './ipam.ts';

/** What the pods of a node are connected with. */
export type PodNetwork = {
  ipam: Ipam;
  hooks: EndpointHooks;
  /** Bytes, the uplink's: read for each pod, since it may change. */
  mtu: () => number;
};

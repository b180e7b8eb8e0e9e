import { macBytes } from '../address/mac.ts';
import { offsetsOf } from './offsets.ts';
import { newRecord, uint32At } from './record.ts';
import { structs } from './structs.ts';

const endpointAt = offsetsOf('endpoint');

export type EndpointRecord = {
  id: number;
  ifindex: number;
  identity: number;
  flags: number;
  /** Cookie of the pod's network namespace; 0: not known. */
  netns: bigint;
  mac: string;
  nodeMac: string;
};

export function endpointRecord({ id, ifindex, identity, flags, netns, mac, nodeMac }: EndpointRecord): Uint8Array {
  const { bytes, view } = newRecord(structs.endpoint.size);
  view.setUint32(endpointAt.id, id, true);
  view.setUint32(endpointAt.ifindex, ifindex, true);
  view.setUint32(endpointAt.identity, identity, true);
  view.setUint32(endpointAt.flags, flags, true);
  view.setBigUint64(endpointAt.netns, netns, true);
  bytes.set(macBytes(mac), endpointAt.mac);
  bytes.set(macBytes(nodeMac), endpointAt.node_mac);
  return bytes;
}

/** What a record says of who it is, and whether it is policed. */
export function endpointOf(record: Uint8Array): Pick<EndpointRecord, 'id' | 'ifindex' | 'flags'> {
  return {
    id: uint32At(record, endpointAt.id),
    ifindex: uint32At(record, endpointAt.ifindex),
    flags: uint32At(record, endpointAt.flags),
  };
}

import { parseAddress } from '../address/address.ts';
import { offsetsOf } from './offsets.ts';
import { newRecord, uint32At } from './record.ts';
import { structs } from './structs.ts';

const configAt = offsetsOf('config');

export type Config = {
  nodeV4: string | null;
  nodeV6: string | null;
  uplink: number;
  flags: number;
  epoch: number;
  /** Between two events of one connection and direction. */
  reportMs: number;
};

export function configRecord({ nodeV4, nodeV6, uplink, flags, epoch, reportMs }: Config): Uint8Array {
  const { bytes, view } = newRecord(structs.config.size);
  if (nodeV4 !== null) bytes.set(parseAddress(nodeV4), configAt.node_v4);
  if (nodeV6 !== null) bytes.set(parseAddress(nodeV6), configAt.node_v6);
  view.setUint32(configAt.uplink, uplink, true);
  view.setUint32(configAt.flags, flags, true);
  view.setUint32(configAt.epoch, epoch, true);
  view.setUint32(configAt.report_ms, reportMs, true);
  return bytes;
}

export function epochOf(config: Uint8Array): number {
  return uint32At(config, configAt.epoch);
}

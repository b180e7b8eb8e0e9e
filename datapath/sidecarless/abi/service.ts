import { formatAddress, parseAddress } from '../address/address.ts';
import { numbers } from './numbers.ts';
import { offsetsOf } from './offsets.ts';
import { newRecord, uint32At } from './record.ts';
import { structs } from './structs.ts';

const serviceKeyAt = offsetsOf('service_key');
const serviceAt = offsetsOf('service');
const backendAt = offsetsOf('backend');

export type Frontend = { address: string; port: number; protocol: number };

/** Slot 0 is the frontend itself. */
export function serviceKey({ address, port, protocol }: Frontend, slot: number): Uint8Array {
  const { bytes, view } = newRecord(structs.service_key.size);
  bytes.set(parseAddress(address), serviceKeyAt.addr);
  view.setUint16(serviceKeyAt.port, port);
  bytes[serviceKeyAt.protocol] = protocol;
  view.setUint32(serviceKeyAt.slot, slot, true);
  return bytes;
}

/** Another slot of the frontend whose key this is. */
export function slotKey(frontend: Uint8Array, slot: number): Uint8Array {
  const bytes = frontend.slice();
  new DataView(bytes.buffer).setUint32(serviceKeyAt.slot, slot, true);
  return bytes;
}

export function slotOf(key: Uint8Array): number {
  return uint32At(key, serviceKeyAt.slot);
}

export function frontendOfKey(key: Uint8Array): Frontend {
  return frontendAt(key, serviceKeyAt);
}

/** `id` is the service's in slot 0, a backend's in the others. */
export function serviceRecord(id: number, count: number, affinitySeconds: number): Uint8Array {
  const { bytes, view } = newRecord(structs.service.size);
  view.setUint32(serviceAt.id, id, true);
  view.setUint32(serviceAt.count, count, true);
  view.setUint32(serviceAt.affinity_seconds, affinitySeconds, true);
  return bytes;
}

export function serviceIdOf(record: Uint8Array): number {
  return uint32At(record, serviceAt.id);
}

export function backendRecord({ address, port, protocol }: Frontend, isTerminating: boolean): Uint8Array {
  const { bytes, view } = newRecord(structs.backend.size);
  bytes.set(parseAddress(address), backendAt.addr);
  view.setUint16(backendAt.port, port);
  bytes[backendAt.protocol] = protocol;
  bytes[backendAt.flags] = isTerminating ? numbers.backend_flag.BACKEND_TERMINATING : 0;
  return bytes;
}

export function frontendOfBackend(record: Uint8Array): Frontend {
  return frontendAt(record, backendAt);
}

/** Of a key or a record that has an address, a port and a protocol. */
export function frontendAt(bytes: Uint8Array, at: { addr: number; port: number; protocol: number }): Frontend {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    address: formatAddress(bytes, at.addr),
    port: view.getUint16(at.port),
    protocol: view.getUint8(at.protocol),
  };
}

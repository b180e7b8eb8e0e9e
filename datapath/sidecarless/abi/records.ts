import { parseAddress } from '../address/address.ts';
import type { PolicyEntry } from '../policy/compile.ts';

/*
 * The structs of bpf/lib/abi.h that the agent writes, as bytes. A test holds their layouts against BTF. Integers are the
 * host's, ports and addresses in network order.
 */

export const sizes = {
  /** Of the ring buffer, as bpf/lib/maps.h has it. */
  events: 4 << 20,
  config: 48,
  address: 16,
  endpoint: 40,
  ipcacheKey: 20,
  ipcacheEntry: 24,
  policyKey: 12,
  policyEntry: 8,
  serviceKey: 24,
  service: 12,
  backend: 20,
  translationKey: 32,
  translation: 24,
  connectionKey: 40,
  connection: 80,
  masqueradeKey: 40,
  masquerade: 32,
} as const;

export const configFlags = { shortcut: 1 << 0, masquerade: 1 << 1, events: 1 << 2 } as const;

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
  const { bytes, view } = record(sizes.config);
  if (nodeV4 !== null) bytes.set(parseAddress(nodeV4), 0);
  if (nodeV6 !== null) bytes.set(parseAddress(nodeV6), 16);
  view.setUint32(32, uplink, true);
  view.setUint32(36, flags, true);
  view.setUint32(40, epoch, true);
  view.setUint32(44, reportMs, true);
  return bytes;
}

export function epochOf(config: Uint8Array): number {
  return new DataView(config.buffer, config.byteOffset).getUint32(40, true);
}

export const endpointFlags = { policeIngress: 1 << 0, policeEgress: 1 << 1, noShortcut: 1 << 2 } as const;

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
  const { bytes, view } = record(sizes.endpoint);
  [id, ifindex, identity, flags].forEach((value, index) => {
    view.setUint32(index * 4, value, true);
  });
  view.setBigUint64(16, netns, true);
  bytes.set(macBytes(mac), 24);
  bytes.set(macBytes(nodeMac), 30);
  return bytes;
}

/** What a record says of who it is. */
export function endpointOf(record: Uint8Array): Pick<EndpointRecord, 'id' | 'ifindex'> {
  const view = new DataView(record.buffer, record.byteOffset);
  return { id: view.getUint32(0, true), ifindex: view.getUint32(4, true) };
}

export const ipcacheFlags = { cluster: 1 << 0, local: 1 << 1 } as const;

/** Of an address, `prefixBits` counts as its own family does: 32 or 128 for all of it. */
export function ipcacheKey(address: string, prefixBits: number): Uint8Array {
  const { bytes, view } = record(sizes.ipcacheKey);
  view.setUint32(0, address.includes(':') ? prefixBits : prefixBits + 96, true);
  bytes.set(parseAddress(address), 4);
  return bytes;
}

/**
 * Narrow ranges before wide ones: put in this order, and removed in the opposite one, entries never show an address as
 * what it neither was nor will be.
 */
export function narrowFirst(one: Uint8Array, other: Uint8Array): number {
  const prefixOf = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  return prefixOf(other) - prefixOf(one);
}

export function ipcacheRecord(identity: number, flags: number, node: string | null): Uint8Array {
  const { bytes, view } = record(sizes.ipcacheEntry);
  view.setUint32(0, identity, true);
  view.setUint32(4, flags, true);
  if (node !== null) bytes.set(parseAddress(node), 8);
  return bytes;
}

const policyStaticBits = 40;

export function policyKey({ identity, direction, protocol, port, prefixBits }: PolicyEntry): Uint8Array {
  const { bytes, view } = record(sizes.policyKey);
  view.setUint32(0, policyStaticBits + prefixBits, true);
  view.setUint32(4, identity, true);
  bytes[8] = direction;
  bytes[9] = protocol;
  view.setUint16(10, port);
  return bytes;
}

export function policyRecord({ rule, deny }: PolicyEntry): Uint8Array {
  const { bytes, view } = record(sizes.policyEntry);
  view.setUint32(0, rule, true);
  bytes[4] = deny ? 1 : 0;
  return bytes;
}

export type Frontend = { address: string; port: number; protocol: number };

/** Slot 0 is the frontend itself. */
export function serviceKey({ address, port, protocol }: Frontend, slot: number): Uint8Array {
  const { bytes, view } = record(sizes.serviceKey);
  bytes.set(parseAddress(address), 0);
  view.setUint16(16, port);
  bytes[18] = protocol;
  view.setUint32(20, slot, true);
  return bytes;
}

/** Another slot of the frontend whose key this is. */
export function slotKey(frontend: Uint8Array, slot: number): Uint8Array {
  const bytes = frontend.slice();
  new DataView(bytes.buffer).setUint32(20, slot, true);
  return bytes;
}

/** `id` is the service's in slot 0, a backend's in the others. */
export function serviceRecord(id: number, count: number, affinitySeconds: number): Uint8Array {
  const { bytes, view } = record(sizes.service);
  view.setUint32(0, id, true);
  view.setUint32(4, count, true);
  view.setUint32(8, affinitySeconds, true);
  return bytes;
}

export function backendKey(id: number): Uint8Array {
  return uint32(id);
}

const terminating = 1 << 0;

export function backendRecord({ address, port, protocol }: Frontend, isTerminating: boolean): Uint8Array {
  const { bytes, view } = record(sizes.backend);
  bytes.set(parseAddress(address), 0);
  view.setUint16(16, port);
  bytes[18] = protocol;
  bytes[19] = isTerminating ? terminating : 0;
  return bytes;
}

export function uint32(value: number): Uint8Array {
  const { bytes, view } = record(4);
  view.setUint32(0, value, true);
  return bytes;
}

function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

function record(size: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

import { parseAddress } from '../../../datapath/sidecarless/address/address.ts';
import { checksum } from './checksum.ts';
import { buildPayload, type Payload } from './transport.ts';

/** An IPv6 extension header before the payload: its number, and how many times 8 bytes it has. */
export type Extension = { protocol: number; units?: number };

export const extensions = { hopByHop: 0, routing: 43, fragment: 44, destination: 60 } as const;

/** One part of a payload: bytes from `offset` on, which must be a multiple of 8. Up to the end where there is no `length`. */
export type Fragment = { id: number; offset: number; length?: number };

/** An IP packet of whichever family its addresses are. All that is not said is as a host would send it. */
export type IpPacket = {
  source: string;
  destination: string;
  payload: Payload;
  /** Or the hop limit. */
  ttl?: number;
  fragment?: Fragment;
  /** IPv4 only. */
  dontFragment?: boolean;
  /** IPv4 only; a multiple of 4 bytes. */
  options?: Uint8Array;
  /** IPv6 only, before the fragment header. */
  extensions?: readonly Extension[];
  /** IPv6 only, behind the fragment header, and part of what is fragmented. */
  innerExtensions?: readonly Extension[];
  /** IPv6 only: an IPv4 address goes into the header as ::ffff:a.b.c.d, as no host may send it. */
  mapped?: boolean;
};

export function buildIp(packet: IpPacket): Uint8Array {
  const source = bytesOf(packet.source);
  const destination = bytesOf(packet.destination);
  const isV4 = !packet.source.includes(':') && packet.mapped !== true;
  return isV4 ? buildV4(packet, source.slice(12), destination.slice(12)) : buildV6(packet, source, destination);
}

const parsed = new Map<string, Uint8Array>();

function bytesOf(address: string): Uint8Array {
  const bytes = parsed.get(address) ?? parseAddress(address);
  parsed.set(address, bytes);
  return bytes;
}

function buildV4(packet: IpPacket, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const { protocol, bytes } = buildPayload(packet.payload, source, destination);
  const { part, more } = cut(bytes, packet.fragment);
  const options = packet.options ?? new Uint8Array(0);
  const headerBytes = 20 + options.length;
  const view = new DataView(new ArrayBuffer(headerBytes + part.length));
  const all = new Uint8Array(view.buffer);
  view.setUint8(0, 0x40 | (headerBytes / 4));
  view.setUint16(2, all.length);
  view.setUint16(4, packet.fragment?.id ?? 1);
  const offset = (packet.fragment?.offset ?? 0) / 8;
  view.setUint16(6, (packet.dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | offset);
  view.setUint8(8, packet.ttl ?? 64);
  view.setUint8(9, protocol);
  all.set(source, 12);
  all.set(destination, 16);
  all.set(options, 20);
  view.setUint16(10, checksum(all.subarray(0, headerBytes)));
  all.set(part, headerBytes);
  return all;
}

function buildV6(packet: IpPacket, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const payload = buildPayload(packet.payload, source, destination);
  const inner = chain(packet.innerExtensions ?? [], payload);
  const fragmented = packet.fragment === undefined ? inner : fragmentV6(inner, packet.fragment);
  const { protocol, bytes } = chain(packet.extensions ?? [], fragmented);
  const view = new DataView(new ArrayBuffer(40 + bytes.length));
  const all = new Uint8Array(view.buffer);
  view.setUint8(0, 0x60);
  view.setUint16(4, bytes.length);
  view.setUint8(6, protocol);
  view.setUint8(7, packet.ttl ?? 64);
  all.set(source, 8);
  all.set(destination, 24);
  all.set(bytes, 40);
  return all;
}

type Chained = { protocol: number; bytes: Uint8Array };

function chain(headers: readonly Extension[], payload: Chained): Chained {
  return headers.toReversed().reduce(({ protocol, bytes }: Chained, header: Extension): Chained => {
    const length = 8 * (header.units ?? 1);
    const all = new Uint8Array(length + bytes.length);
    all[0] = protocol;
    all[1] = length / 8 - 1;
    // One option of padding (RFC 8200, 4.2); in a routing header it reads as type 1 with no segments left.
    all[2] = 1;
    all[3] = header.protocol === extensions.routing ? 0 : Math.min(255, length - 4);
    all.set(bytes, length);
    return { protocol: header.protocol, bytes: all };
  }, payload);
}

function fragmentV6({ protocol, bytes }: Chained, fragment: Fragment): Chained {
  const { part, more } = cut(bytes, fragment);
  const view = new DataView(new ArrayBuffer(8 + part.length));
  const all = new Uint8Array(view.buffer);
  view.setUint8(0, protocol);
  view.setUint16(2, fragment.offset | (more ? 1 : 0));
  view.setUint32(4, fragment.id);
  all.set(part, 8);
  return { protocol: extensions.fragment, bytes: all };
}

function cut(bytes: Uint8Array, fragment: Fragment | undefined): { part: Uint8Array; more: boolean } {
  if (fragment === undefined) return { part: bytes, more: false };
  const end = fragment.length === undefined ? bytes.length : fragment.offset + fragment.length;
  return { part: bytes.subarray(fragment.offset, end), more: end < bytes.length };
}

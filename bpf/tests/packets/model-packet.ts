import type { Reason } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';

/** A packet as the model of the datapath sees it. Addresses are 32 hexadecimal digits, IPv4's as ::ffff:a.b.c.d. */
export type ModelPacket = {
  source: string;
  destination: string;
  protocol: number;
  /** Of an echo both are its identifier. */
  ports: readonly [source: number, destination: number];
  tcpFlags: number;
  icmpType: number | null;
  kind: 'data' | 'echo' | 'error';
  fragment: { part: 'first' | 'later'; id: string } | null;
  /** The bytes that an ICMP error quotes. */
  quotation: Uint8Array | null;
  hops: number;
};

/** A frame's packet, or why it is none. `source` and `destination` are known as soon as there is an IP header. */
export type Reading =
  | { packet: ModelPacket; reason: null; source: string; destination: string }
  | { packet: null; reason: Reason; source: string | null; destination: string | null };

/** Finds what a datagram carries, of which a later fragment has been seen. */
export type FirstFragment = (
  packet: Pick<ModelPacket, 'source' | 'destination' | 'protocol'>,
  id: string,
) => Pick<ModelPacket, 'protocol' | 'ports'> | undefined;

const { ICMP, TCP, UDP, ICMPv6, SCTP } = protocols;
const echoes = { [ICMP]: [8, 0], [ICMPv6]: [128, 129] } as const;
const errors = { [ICMP]: [3, 11, 12], [ICMPv6]: [1, 2, 3, 4] } as const;
const headerBytes: Readonly<Record<number, number>> = { [TCP]: 20, [UDP]: 8, [SCTP]: 12, [ICMP]: 8, [ICMPv6]: 8 };
const passedOver = [0, 43, 60];
const fragmentHeader = 44;
const mostExtensions = 6;

class Unreadable extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

const thrown = new Map<Reason, Unreadable>();

/** One for each reason: there are many packets, and nobody reads the stack. */
function unreadable(reason: Reason): Unreadable {
  const error = thrown.get(reason) ?? new Unreadable(reason);
  thrown.set(reason, error);
  return error;
}

/** Reads an untagged frame. */
export function readModelFrame(frame: Uint8Array, firstFragment: FirstFragment): Reading {
  const etherType = at16(frame, 12);
  if (etherType !== 0x0800 && etherType !== 0x86dd) {
    return { packet: null, reason: 'DROP_UNKNOWN_L3', source: null, destination: null };
  }
  return readIp(frame.subarray(14), etherType === 0x0800 ? 4 : 6, firstFragment, false);
}

/** Reads what an error quotes: a packet cut off anywhere behind the first 8 bytes of what it carries. */
export function readQuotation(bytes: Uint8Array, version: 4 | 6, firstFragment: FirstFragment): ModelPacket | null {
  return readIp(bytes, version, firstFragment, true).packet;
}

function readIp(bytes: Uint8Array, version: 4 | 6, firstFragment: FirstFragment, isQuoted: boolean): Reading {
  const known: { source: string | null; destination: string | null } = { source: null, destination: null };
  try {
    const whole = version === 4 ? openV4(bytes, known, isQuoted) : openV6(bytes, known, isQuoted);
    const packet = readPayload(whole, version, firstFragment, isQuoted);
    return { packet, reason: null, source: packet.source, destination: packet.destination };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { packet: null, reason: error.reason, ...known };
  }
}

type Opened = Pick<ModelPacket, 'source' | 'destination' | 'protocol' | 'hops'> & {
  payload: Uint8Array;
  fragment: ModelPacket['fragment'];
};

function openV4(
  bytes: Uint8Array,
  known: { source: string | null; destination: string | null },
  isQuoted: boolean,
): Opened {
  need(bytes, 20);
  const [header, total] = [(at8(bytes, 0) & 15) * 4, at16(bytes, 2)];
  if (at8(bytes, 0) >> 4 !== 4 || header < 20 || total < header) throw unreadable('DROP_INVALID');
  const source = `${'0'.repeat(20)}ffff${hex(bytes, 12, 4)}`;
  const destination = `${'0'.repeat(20)}ffff${hex(bytes, 16, 4)}`;
  Object.assign(known, { source, destination });
  if (!isQuoted) need(bytes, total);
  const [where, id] = [at16(bytes, 6), hex(bytes, 4, 2)];
  const part = (where & 0x1fff) > 0 ? 'later' : where & 0x2000 ? 'first' : null;
  return {
    ...{ source, destination, protocol: at8(bytes, 9), hops: at8(bytes, 8) },
    payload: isQuoted ? beyond(bytes, header) : bytes.subarray(header, total),
    fragment: part === null ? null : { part, id },
  };
}

function openV6(
  bytes: Uint8Array,
  known: { source: string | null; destination: string | null },
  isQuoted: boolean,
): Opened {
  need(bytes, 40);
  if (at8(bytes, 0) >> 4 !== 6) throw unreadable('DROP_INVALID');
  const [source, destination] = [hex(bytes, 8, 16), hex(bytes, 24, 16)];
  Object.assign(known, { source, destination });
  if (isMapped(source) || isMapped(destination)) throw unreadable('DROP_INVALID');
  const total = 40 + at16(bytes, 4);
  if (!isQuoted) need(bytes, total);
  let payload = isQuoted ? bytes.subarray(40) : bytes.subarray(40, total);
  let protocol = at8(bytes, 6);
  let fragment: ModelPacket['fragment'] = null;
  for (let count = 1; passedOver.includes(protocol) || protocol === fragmentHeader; count++) {
    const isFragment = protocol === fragmentHeader;
    if (count > mostExtensions || (isFragment && fragment !== null)) throw unreadable('DROP_INVALID_EXTENSION');
    need(payload, 8);
    const [next, where, id] = [at8(payload, 0), at16(payload, 2), hex(payload, 4, 4)];
    payload = beyond(payload, isFragment ? 8 : (at8(payload, 1) + 1) * 8);
    protocol = next;
    if (!isFragment) continue;
    if (where >= 8) {
      fragment = { part: 'later', id };
      break;
    }
    if (where & 1) fragment = { part: 'first', id };
  }
  return { source, destination, protocol, hops: at8(bytes, 7), payload, fragment };
}

function readPayload(opened: Opened, version: 4 | 6, firstFragment: FirstFragment, isQuoted: boolean): ModelPacket {
  const { payload, protocol, fragment } = opened;
  const least = headerBytes[protocol];
  const isIcmp = protocol === ICMP || protocol === ICMPv6;
  const isForeign = (protocol === ICMP && version === 6) || (protocol === ICMPv6 && version === 4);
  const { source, destination, hops } = opened;
  const isUnknown = least === undefined || isForeign;
  const common = { source, destination, protocol, hops, fragment, tcpFlags: 0, icmpType: null, quotation: null };
  if (fragment?.part === 'later') {
    if (!isQuoted && version === 4 && isUnknown) throw unreadable('DROP_UNKNOWN_L4');
    if (!isQuoted && payload === nothing) throw unreadable('DROP_INVALID');
    const first = firstFragment(opened, fragment.id);
    if (first === undefined) throw unreadable('DROP_FRAGMENT_NOT_FOUND');
    return { ...common, ...first, kind: first.protocol === ICMP || first.protocol === ICMPv6 ? 'echo' : 'data' };
  }
  if (isQuoted) need(payload, 8);
  if (isUnknown) throw unreadable('DROP_UNKNOWN_L4');
  if (!isQuoted) need(payload, least);
  const ports: [number, number] = [at16(payload, 0), at16(payload, 2)];
  if (!isIcmp) {
    if (protocol !== TCP || isQuoted) return { ...common, ports, kind: 'data' };
    const words = at8(payload, 12) >> 4;
    if (words < 5) throw unreadable('DROP_INVALID');
    need(payload, words * 4);
    return { ...common, ports, tcpFlags: at8(payload, 13), kind: 'data' };
  }
  const icmpType = at8(payload, 0);
  const has = (types: readonly number[]): boolean => types.includes(icmpType);
  if (has(echoes[protocol])) {
    const identifier = at16(payload, 4);
    return { ...common, ports: [identifier, identifier], icmpType, kind: 'echo' };
  }
  const isError = has(errors[protocol]);
  return {
    ...{ ...common, ports: [0, 0], icmpType },
    ...(isError ? { kind: 'error', quotation: payload.subarray(8) } : { kind: 'data' }),
  };
}

/** What is left of bytes that end before they should begin. */
const nothing = new Uint8Array(0);

function beyond(bytes: Uint8Array, offset: number): Uint8Array {
  return offset > bytes.length ? nothing : bytes.subarray(offset);
}

function need(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw unreadable('DROP_INVALID');
}

function isMapped(address: string): boolean {
  return /^0{20}f{4}/.test(address);
}

function at8(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}

function at16(bytes: Uint8Array, offset: number): number {
  return at8(bytes, offset) * 256 + at8(bytes, offset + 1);
}

function hex(bytes: Uint8Array, offset: number, length: number): string {
  let text = '';
  for (let i = offset; i < offset + length; i++) text += at8(bytes, i).toString(16).padStart(2, '0');
  return text;
}

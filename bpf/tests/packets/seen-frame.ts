import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { formatAddress } from '../../../datapath/sidecarless/address/address.ts';
import { formatMac } from '../../../datapath/sidecarless/address/mac.ts';
import { checksum, pseudoHeader } from './checksum.ts';

/** An IP packet as a test reads it back. It knows no extension headers. */
export type SeenPacket = {
  source: string;
  destination: string;
  protocol: number;
  /** Or the hop limit. */
  ttl: number;
  /** IPv4's header; true for IPv6, which has none. */
  isHeaderIntact: boolean;
  /** 0 where there are none. For ICMP both are the second half's first word: an echo's identifier. */
  sourcePort: number;
  destinationPort: number;
  /** ICMP only; 0 otherwise. */
  icmpType: number;
  /** Whether the payload's checksum is right; null where it has none, or is not there in full. */
  isPayloadIntact: boolean | null;
  /** What an ICMP error is about. */
  quoted: SeenPacket | null;
};

export type SeenFrame = { to: string; from: string; etherType: number; packet: SeenPacket };

/** Reads an untagged frame with an IP packet in it. */
export function readFrame(frame: Uint8Array): SeenFrame {
  const mac = (at: number): string => formatMac(frame.subarray(at, at + 6));
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  return { to: mac(0), from: mac(6), etherType, packet: readPacket(frame.slice(14)) };
}

function readPacket(bytes: Uint8Array): SeenPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isV4 = view.getUint8(0) >> 4 === 4;
  const headerBytes = isV4 ? (view.getUint8(0) & 15) * 4 : 40;
  const length = isV4 ? view.getUint16(2) : 40 + view.getUint16(4);
  const fragment = isV4 ? view.getUint16(6) & 0x3fff : 0;
  const [source, destination] = isV4
    ? [bytes.slice(12, 16), bytes.slice(16, 20)]
    : [bytes.slice(8, 24), bytes.slice(24, 40)];
  const protocol = view.getUint8(isV4 ? 9 : 6);
  const isWhole = bytes.length >= length && fragment === 0;
  const hasPorts = (fragment & 0x1fff) === 0 && bytes.length >= headerBytes + 8;
  const isIcmp = protocol === protocols.ICMP || protocol === protocols.ICMPv6;
  const port = (at: number): number => (hasPorts ? view.getUint16(headerBytes + (isIcmp ? 4 : at)) : 0);
  const icmpType = isIcmp && hasPorts ? view.getUint8(headerBytes) : 0;
  const isError = isIcmp && hasPorts && (isV4 ? [3, 11, 12] : [1, 2, 3, 4]).includes(icmpType);
  return {
    source: text(source),
    destination: text(destination),
    protocol,
    ttl: view.getUint8(isV4 ? 8 : 7),
    isHeaderIntact: !isV4 || checksum(bytes.subarray(0, headerBytes)) === 0,
    sourcePort: port(0),
    destinationPort: port(2),
    icmpType,
    isPayloadIntact: isWhole ? isIntact(bytes.slice(headerBytes, length), source, destination, protocol) : null,
    quoted: isError ? readPacket(bytes.slice(headerBytes + 8)) : null,
  };
}

function isIntact(payload: Uint8Array, source: Uint8Array, destination: Uint8Array, protocol: number): boolean | null {
  if (protocol === protocols.ICMP) return checksum(payload) === 0;
  const hasChecksum = protocol === protocols.TCP || protocol === protocols.UDP || protocol === protocols.ICMPv6;
  const isLeftOut = protocol === protocols.UDP && payload[6] === 0 && payload[7] === 0;
  if (!hasChecksum || isLeftOut) return null;
  return checksum(...pseudoHeader(source, destination, protocol, payload.length), payload) === 0;
}

function text(address: Uint8Array): string {
  return address.length === 16 ? formatAddress(address) : [...address].join('.');
}

import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { type TcpFlag, tcpFlags } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import { checksum, pseudoHeader } from './checksum.ts';

type Ports = { sourcePort: number; destinationPort: number; data?: Uint8Array };

/** What an IP packet carries. Checksums are right, but for UDP's that is left out. */
export type Payload =
  | ({ kind: 'tcp'; flags?: readonly TcpFlag[]; headerWords?: number } & Ports)
  | ({ kind: 'udp'; withoutChecksum?: boolean } & Ports)
  | ({ kind: 'sctp' } & Ports)
  /** ICMP or ICMPv6, whichever belongs to the packet. `rest` is the header's second half: of an echo, see {@link echo}. */
  | { kind: 'icmp'; type: number; code?: number; rest?: number; data?: Uint8Array }
  | { kind: 'other'; protocol: number; data: Uint8Array };

/** The second half of an echo's header. */
export function echo(identifier: number, sequence = 1): number {
  return identifier * 0x10000 + sequence;
}

/** The number in the IP header, and the bytes behind it. Addresses are as on the wire: 4 bytes or 16. */
export function buildPayload(
  payload: Payload,
  source: Uint8Array,
  destination: Uint8Array,
): { protocol: number; bytes: Uint8Array } {
  const isV4 = source.length === 4;
  const protocol = protocolOf(payload, isV4);
  if (payload.kind === 'other') return { protocol, bytes: payload.data };
  const { header, checksumAt } = headerOf(payload);
  const data = payload.data ?? new Uint8Array(0);
  const bytes = new Uint8Array(header.byteLength + data.length);
  bytes.set(new Uint8Array(header.buffer));
  bytes.set(data, header.byteLength);
  if (checksumAt === null || (payload.kind === 'udp' && payload.withoutChecksum)) return { protocol, bytes };
  const pseudo = payload.kind === 'icmp' && isV4 ? [] : pseudoHeader(source, destination, protocol, bytes.length);
  const sum = checksum(...pseudo, bytes);
  new DataView(bytes.buffer).setUint16(checksumAt, payload.kind === 'udp' && sum === 0 ? 0xffff : sum);
  return { protocol, bytes };
}

function protocolOf(payload: Payload, isV4: boolean): number {
  if (payload.kind === 'other') return payload.protocol;
  if (payload.kind === 'icmp') return isV4 ? protocols.ICMP : protocols.ICMPv6;
  return { tcp: protocols.TCP, udp: protocols.UDP, sctp: protocols.SCTP }[payload.kind];
}

function headerOf(payload: Exclude<Payload, { kind: 'other' }>): { header: DataView; checksumAt: number | null } {
  if (payload.kind === 'icmp') {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint8(0, payload.type);
    header.setUint8(1, payload.code ?? 0);
    header.setUint32(4, payload.rest ?? 0);
    return { header, checksumAt: 2 };
  }
  const words = payload.kind === 'tcp' ? Math.max(5, payload.headerWords ?? 5) : 0;
  const header = new DataView(new ArrayBuffer(payload.kind === 'tcp' ? words * 4 : payload.kind === 'udp' ? 8 : 12));
  header.setUint16(0, payload.sourcePort);
  header.setUint16(2, payload.destinationPort);
  if (payload.kind === 'sctp') {
    // Its CRC is left zero: it covers nothing that the datapath changes, and nobody here receives it.
    header.setUint32(4, 0x11223344);
    return { header, checksumAt: null };
  }
  if (payload.kind === 'udp') {
    header.setUint16(4, 8 + (payload.data?.length ?? 0));
    return { header, checksumAt: 6 };
  }
  header.setUint32(4, 1000);
  header.setUint32(8, 2000);
  header.setUint8(12, (payload.headerWords ?? 5) << 4);
  header.setUint8(
    13,
    (payload.flags ?? ['ACK']).reduce((all, flag) => all | tcpFlags[flag], 0),
  );
  header.setUint16(14, 8192);
  return { header, checksumAt: 16 };
}

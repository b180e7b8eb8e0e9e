import type { Direction } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { tcpFlags } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import type { ModelPacket } from './model-packet.ts';

const { SYN: syn, RST: rst, ACK: ack } = tcpFlags;

/** A connection of one local pod. `key` is unique. */
export type ModelConnection = {
  key: string;
  local: string;
  remote: string;
  localPort: number;
  remotePort: number;
  protocol: number;
  icmpType: number;
  opened: Direction;
  /** What policy was asked about. */
  port: number;
  epoch: number;
  isRevoked: boolean;
  isExpired: boolean;
  isReplied: boolean;
  closedBy: Set<Direction>;
  packets: Record<Direction, number>;
  bytes: Record<Direction, number>;
};

/** The connection that a packet opens in its direction. */
export function openedBy(packet: ModelPacket, direction: Direction, epoch: number): ModelConnection {
  const [near, far] = direction === 'EGRESS' ? [0, 1] : [1, 0];
  const ends = [packet.source, packet.destination];
  return {
    key: keyOf(packet, direction),
    local: ends[near] ?? '',
    remote: ends[far] ?? '',
    localPort: packet.ports[near] ?? 0,
    remotePort: packet.ports[far] ?? 0,
    protocol: packet.protocol,
    icmpType: packet.kind === 'echo' ? 0 : (packet.icmpType ?? 0),
    opened: direction,
    port: packet.icmpType ?? packet.ports[1],
    epoch,
    isRevoked: false,
    isExpired: false,
    isReplied: false,
    closedBy: new Set(),
    packets: { INGRESS: 0, EGRESS: 0 },
    bytes: { INGRESS: 0, EGRESS: 0 },
  };
}

/** What a connection has of its own among all of them. */
export function keyOf(packet: ModelPacket, direction: Direction): string {
  const { source, destination, protocol, ports, kind, icmpType } = packet;
  const out = direction === 'EGRESS';
  const [local, remote] = out ? [source, destination] : [destination, source];
  const [localPort, remotePort] = out ? ports : [ports[1], ports[0]];
  return [local, remote, localPort, remotePort, protocol, kind === 'echo' ? 0 : (icmpType ?? 0)].join(' ');
}

/** It asks for a connection. */
export function isQuestion({ protocol, tcpFlags, kind, icmpType }: ModelPacket): boolean {
  if (protocol === protocols.TCP) return (tcpFlags & syn) !== 0 && (tcpFlags & ack) === 0;
  return kind === 'echo' && (icmpType === 8 || icmpType === 128);
}

/** It answers, and opens nothing. Fragments of echoes but the first do not say which they are. */
export function isAnswer({ protocol, tcpFlags, kind, icmpType }: ModelPacket): boolean {
  if (protocol === protocols.TCP) return (tcpFlags & rst) !== 0 || ((tcpFlags & syn) !== 0 && (tcpFlags & ack) !== 0);
  return kind === 'echo' && (icmpType === null || icmpType === 0 || icmpType === 129);
}

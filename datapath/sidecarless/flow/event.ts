import { LabError } from '../../../clusters/error.ts';
import { formatAddress } from '../address/address.ts';
import { eventLayout } from './event-layout.ts';
import { type ObservationPoint, pointNames } from './observation-point.ts';

/** `enum event_type` of bpf/lib/abi.h. */
export const eventTypes = { flow: 1, drop: 2, 'policy-verdict': 3, translation: 4 } as const;

export type EventType = keyof typeof eventTypes;

/** What the kernel side tells about one packet, or about one socket whose address it replaced. */
export type DatapathEvent = {
  /** CLOCK_MONOTONIC. */
  timeNanoseconds: bigint;
  type: EventType;
  /** `::` where it is not known, which is so for translations. */
  source: string;
  destination: string;
  /** For an echo and its reply both ports are its identifier. */
  sourcePort: number;
  destinationPort: number;
  sourceIdentity: number;
  destinationIdentity: number;
  /** The node's own number of the pod whose hook saw it; 0 for translations. */
  endpoint: number;
  /** The agent's own number of the rule that decided; 0: none in particular. */
  rule: number;
  /** On the wire. */
  lengthBytes: number;
  /** `enum drop_reason`; 0 where nothing was dropped. */
  reason: number;
  /** The packet's, from the point of view of `endpoint`. */
  direction: 'INGRESS' | 'EGRESS';
  /** IANA's number. */
  protocol: number;
  /** TCP only; 0 otherwise. */
  tcpFlags: number;
  /** ICMP only; 0 otherwise. */
  icmpType: number;
  icmpCode: number;
  isReply: boolean;
  point: ObservationPoint;
  /** What the socket had asked for, before it got `destination`. */
  translation: { socketCookie: bigint; service: string; servicePort: number } | null;
};

const { offsets } = eventLayout;
const protocolTcp = 6;
const typeNames: ReadonlyMap<number, EventType> = new Map(
  Object.entries(eventTypes).map(([name, number]) => [number, name as EventType]),
);

/**
 * Reads one `struct event`. Nothing of `bytes` is kept, so they may be the ring buffer's own.
 * @throws LabError LAB_EVENT_INVALID where they are too few or have a type or an observation point that is not known.
 */
export function decodeEvent(bytes: Uint8Array | DataView): DatapathEvent {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength < eventLayout.size) throw invalid(`has ${byteLength} bytes, not ${eventLayout.size}`);
  const view = bytes instanceof DataView ? bytes : new DataView(buffer, byteOffset, byteLength);
  const octets = bytes instanceof DataView ? new Uint8Array(buffer, byteOffset, byteLength) : bytes;
  const typeNumber = view.getUint8(offsets.type);
  const type = typeNames.get(typeNumber);
  if (type === undefined) throw invalid(`is of type ${typeNumber}`);
  const pointNumber = view.getUint8(offsets.point);
  const point = pointNames.get(pointNumber);
  if (point === undefined) throw invalid(`was seen at point ${pointNumber}`);
  const protocol = view.getUint8(offsets.protocol);
  const flagsOrType = view.getUint8(offsets.tcp_flags);
  return {
    timeNanoseconds: view.getBigUint64(offsets.time, true),
    type,
    source: formatAddress(octets, offsets.source),
    destination: formatAddress(octets, offsets.destination),
    sourcePort: view.getUint16(offsets.source_port),
    destinationPort: view.getUint16(offsets.destination_port),
    sourceIdentity: view.getUint32(offsets.source_identity, true),
    destinationIdentity: view.getUint32(offsets.destination_identity, true),
    endpoint: view.getUint32(offsets.endpoint, true),
    rule: view.getUint32(offsets.rule, true),
    lengthBytes: view.getUint32(offsets.length, true),
    reason: view.getUint8(offsets.reason),
    direction: view.getUint8(offsets.direction) === 0 ? 'INGRESS' : 'EGRESS',
    protocol,
    tcpFlags: protocol === protocolTcp ? flagsOrType : 0,
    icmpType: protocol === protocolTcp ? 0 : flagsOrType,
    icmpCode: view.getUint8(offsets.icmp_code),
    isReply: view.getUint8(offsets.is_reply) !== 0,
    point,
    translation:
      type === 'translation'
        ? {
            socketCookie: view.getBigUint64(offsets.socket, true),
            service: formatAddress(octets, offsets.service),
            servicePort: view.getUint16(offsets.service_port),
          }
        : null,
  };
}

/** Whether {@link decodeEvent} can read it: programs of another version may have left others. */
export function isEvent(bytes: Uint8Array): boolean {
  const { size } = eventLayout;
  return bytes.length >= size && typeNames.has(bytes[offsets.type] ?? 0) && pointNames.has(bytes[offsets.point] ?? 0);
}

function invalid(what: string): LabError {
  return new LabError('LAB_EVENT_INVALID', {
    message: `An event of the datapath ${what}: its programs are not those that this agent was written for`,
    remedy: 'Restart the agent: it loads its own programs.',
  });
}

import { LabError } from '../../../clusters/error.ts';
import { numbers } from '../abi/numbers.ts';
import { offsetsOf } from '../abi/offsets.ts';
import { protocols } from '../abi/protocols.ts';
import { structs } from '../abi/structs.ts';
import { formatAddress } from '../address/address.ts';
import { type ObservationPoint, pointNames } from './observation-point.ts';

const types = {
  EVENT_FLOW: 'flow',
  EVENT_DROP: 'drop',
  EVENT_POLICY_VERDICT: 'policy-verdict',
  EVENT_TRANSLATION: 'translation',
} as const satisfies Readonly<Record<keyof typeof numbers.event_type, string>>;

export type EventType = (typeof types)[keyof typeof types];

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

const { size } = structs.event;
const at = offsetsOf('event');
const { INGRESS } = numbers.direction;
const typeNames: ReadonlyMap<number, EventType> = new Map(
  Object.entries(types).map(([type, name]) => [numbers.event_type[type as keyof typeof types], name]),
);

/**
 * Reads one `struct event`. Nothing of `bytes` is kept, so they may be the ring buffer's own.
 * @throws LabError LAB_EVENT_INVALID where they are too few or have a type or an observation point that is not known.
 */
export function decodeEvent(bytes: Uint8Array | DataView): DatapathEvent {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength < size) throw invalid(`has ${byteLength} bytes, not ${size}`);
  const view = bytes instanceof DataView ? bytes : new DataView(buffer, byteOffset, byteLength);
  const octets = bytes instanceof DataView ? new Uint8Array(buffer, byteOffset, byteLength) : bytes;
  const typeNumber = view.getUint8(at.type);
  const type = typeNames.get(typeNumber);
  if (type === undefined) throw invalid(`is of type ${typeNumber}`);
  const pointNumber = view.getUint8(at.point);
  const point = pointNames.get(pointNumber);
  if (point === undefined) throw invalid(`was seen at point ${pointNumber}`);
  const protocol = view.getUint8(at.protocol);
  const flagsOrType = view.getUint8(at.tcp_flags);
  return {
    timeNanoseconds: view.getBigUint64(at.time, true),
    type,
    source: formatAddress(octets, at.source),
    destination: formatAddress(octets, at.destination),
    sourcePort: view.getUint16(at.source_port),
    destinationPort: view.getUint16(at.destination_port),
    sourceIdentity: view.getUint32(at.source_identity, true),
    destinationIdentity: view.getUint32(at.destination_identity, true),
    endpoint: view.getUint32(at.endpoint, true),
    rule: view.getUint32(at.rule, true),
    lengthBytes: view.getUint32(at.length, true),
    reason: view.getUint8(at.reason),
    direction: view.getUint8(at.direction) === INGRESS ? 'INGRESS' : 'EGRESS',
    protocol,
    tcpFlags: protocol === protocols.TCP ? flagsOrType : 0,
    icmpType: protocol === protocols.TCP ? 0 : flagsOrType,
    icmpCode: view.getUint8(at.icmp_code),
    isReply: view.getUint8(at.is_reply) !== 0,
    point,
    translation:
      type === 'translation'
        ? {
            socketCookie: view.getBigUint64(at.socket, true),
            service: formatAddress(octets, at.service),
            servicePort: view.getUint16(at.service_port),
          }
        : null,
  };
}

/** Whether {@link decodeEvent} can read it: programs of another version may have left others. */
export function isEvent(bytes: Uint8Array): boolean {
  return bytes.length >= size && typeNames.has(bytes[at.type] ?? 0) && pointNames.has(bytes[at.point] ?? 0);
}

function invalid(what: string): LabError {
  return new LabError('LAB_EVENT_INVALID', {
    message: `An event of the datapath ${what}: its programs are not those that this agent was written for`,
    remedy: 'Restart the agent: it loads its own programs.',
  });
}

import { numbers } from '../abi/numbers.ts';
import { encode } from './struct-codec.ts';

/** What an event of the kernel side says; the rest is zero. Numbers are those of bpf/lib/abi.h. */
export type TestEvent = {
  time?: bigint;
  source?: string;
  destination?: string;
  ports?: [source: number, destination: number];
  identities?: [source: number, destination: number];
  endpoint?: number;
  rule?: number;
  length?: number;
  type?: number;
  reason?: number;
  direction?: number;
  protocol?: number;
  tcpFlags?: number;
  isReply?: number;
  point?: number;
  icmpCode?: number;
  socket?: bigint;
  service?: string;
  servicePort?: number;
};

/** The bytes of a `struct event`. */
export function testEvent({
  ports,
  identities,
  tcpFlags,
  isReply,
  icmpCode,
  servicePort,
  ...event
}: TestEvent): Uint8Array {
  return encode('event', {
    type: numbers.event_type.EVENT_FLOW,
    source_port: ports?.[0] ?? 0,
    destination_port: ports?.[1] ?? 0,
    source_identity: identities?.[0] ?? 0,
    destination_identity: identities?.[1] ?? 0,
    tcp_flags: tcpFlags ?? 0,
    is_reply: isReply ?? 0,
    icmp_code: icmpCode ?? 0,
    service_port: servicePort ?? 0,
    ...event,
  });
}

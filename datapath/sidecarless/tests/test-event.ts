import { parseAddress } from '../address/address.ts';

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

/** The bytes of a `struct event`, put where a C compiler puts them: by hand, so that the layout is not its own witness. */
export function testEvent(event: TestEvent): Uint8Array {
  const bytes = new Uint8Array(104);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, event.time ?? 0n, true);
  bytes.set(parseAddress(event.source ?? '::'), 8);
  bytes.set(parseAddress(event.destination ?? '::'), 24);
  view.setUint16(40, event.ports?.[0] ?? 0);
  view.setUint16(42, event.ports?.[1] ?? 0);
  view.setUint32(44, event.identities?.[0] ?? 0, true);
  view.setUint32(48, event.identities?.[1] ?? 0, true);
  view.setUint32(52, event.endpoint ?? 0, true);
  view.setUint32(56, event.rule ?? 0, true);
  view.setUint32(60, event.length ?? 0, true);
  const small = [event.type ?? 1, event.reason, event.direction, event.protocol, event.tcpFlags, event.isReply];
  bytes.set(
    [...small, event.point, event.icmpCode].map((value) => value ?? 0),
    64,
  );
  view.setBigUint64(72, event.socket ?? 0n, true);
  bytes.set(parseAddress(event.service ?? '::'), 80);
  view.setUint16(96, event.servicePort ?? 0);
  return bytes;
}

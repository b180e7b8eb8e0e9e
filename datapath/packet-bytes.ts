import type { Traffic } from './data-plane.ts';

/** Ethernet, IP and TCP headers at their longest: 14 + 20 + 60 bytes. */
const longestHeaders = 94;
/** What a packet carries at the least where more is to come: the MTU of 1500 less headers with options. */
const shortestSegment = 1400;
/** Packets of one side that open and close a connection, and are sent again meanwhile. */
const perConnection = 8;
/** Packets of one side for each request beside those full of data: its own end, and an acknowledgement. */
const perRequest = 2;
/** What else takes the same way: probes of pods, the generator's orders, retransmissions. */
const besideShare = 0.25;
const beside = 128 * 1024;

/**
 * What a counter of packets' bytes, headers included, grows by at the least and at the most where so many bytes of HTTP go one
 * way and so many come the other. Twice as much does not fit between them, so a second passage shows.
 * @param bytes that go this way, and `back` that come the other, whose acknowledgements go this way.
 */
export function bytesOfPackets(
  bytes: number,
  back: number,
  { requests, connections }: Pick<Traffic, 'requests' | 'connections'>,
): [least: number, most: number] {
  const packets =
    Math.ceil(bytes / shortestSegment) +
    Math.ceil(back / shortestSegment) +
    perRequest * requests +
    perConnection * connections;
  return [bytes, Math.ceil(bytes + longestHeaders * packets + besideShare * (bytes + back) + beside)];
}

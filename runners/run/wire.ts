import type { Traffic } from '../../datapath/data-plane.ts';
import type { Capture } from '../../results/evidence-record.ts';
import type { CapturedPacket } from '../probes/capture.ts';

/** The addresses of the generator's pod and of the workload's. The Service's is translated before it gets to the wire. */
export type Ends = readonly [generator: string, workload: string];

/** Requests that a capture is held against: when they were sent (seconds since the epoch), and a word in their headers. */
export type Sent = { word: string; from: number; to: number; traffic: Pick<Traffic, 'bytesSent' | 'bytesReceived'> };

/**
 * What a capture shows of some requests: what passed between the two pods while they were under way, and whether their word
 * is in it. What else the pods send meanwhile (their counters, a proxy's configuration) counts for nothing. A capture on
 * several devices sees a packet several times.
 */
export function trafficOnTheWire(
  packets: readonly CapturedPacket[],
  ends: Ends,
  { word, from, to, traffic }: Sent,
  expected: Capture['expected'],
): Omit<Capture, 'where' | 'held'> {
  const during = packets.filter((packet) => isBetween(packet, ends) && packet.at >= from && packet.at <= to);
  // A word that leaks to anybody, at any time, is plaintext; to be found it must be where ciphertext is looked for.
  const searched = expected === 'ciphertext' ? packets : during;
  return {
    expected,
    packets: during.length,
    payloadBytes: during.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
    requestBytes: traffic.bytesSent + traffic.bytesReceived,
    plaintextFound: searched.some(({ text }) => text.includes(word)),
  };
}

function isBetween({ source, destination }: CapturedPacket, [one, other]: Ends): boolean {
  return (source === one && destination === other) || (source === other && destination === one);
}

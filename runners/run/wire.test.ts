import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CapturedPacket } from '../probes/capture.ts';
import { trafficOnTheWire } from './wire.ts';

const [generator, workload, elsewhere] = ['10.0.1.2', '10.0.2.2', '10.0.2.1'];
const sent = { word: 'lab-0123', from: 100, to: 101, traffic: { bytesSent: 90, bytesReceived: 900 } };

const packet = (changes: Partial<CapturedPacket> = {}): CapturedPacket => ({
  at: 100.5,
  source: generator,
  destination: workload,
  payloadBytes: 90,
  text: '',
  ...changes,
});

const look = (packets: CapturedPacket[], expected: 'plaintext' | 'ciphertext' = 'ciphertext') =>
  trafficOnTheWire(packets, [generator, workload], sent, expected);

test('what passes between the two pods while requests are under way counts, in both directions', () => {
  const { packets, payloadBytes, requestBytes } = look([
    packet(),
    packet({ source: workload, destination: generator, payloadBytes: 900 }),
  ]);
  assert.deepEqual([packets, payloadBytes, requestBytes], [2, 990, 990]);
});

for (const [what, other] of [
  ['to the Service’s address, before it is translated', packet({ destination: '10.96.0.10' })],
  ['from the node, reading counters', packet({ source: elsewhere })],
  ['of a proxy that gets its configuration', packet({ source: workload, destination: elsewhere })],
  ['before the requests', packet({ at: 99.9 })],
  ['after them', packet({ at: 101.1 })],
] as const) {
  test(`a packet ${what} counts for nothing`, () => {
    const { packets, payloadBytes } = look([other]);
    assert.deepEqual([packets, payloadBytes], [0, 0]);
  });
}

test('plaintext is found wherever it leaks to, and as a proof only where ciphertext would be', () => {
  const leak = packet({ destination: elsewhere, text: 'X-Lab-Word: lab-0123' });
  assert.equal(look([leak]).plaintextFound, true);
  assert.equal(look([leak], 'plaintext').plaintextFound, false);
  assert.equal(look([{ ...leak, destination: workload }], 'plaintext').plaintextFound, true);
  assert.equal(look([packet({ text: 'other' })]).plaintextFound, false);
});

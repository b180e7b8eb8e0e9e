import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOfPackets } from './packet-bytes.ts';

test('what packets of many requests come to lies between both ends, and twice as much does not', () => {
  // Requests of 60 bytes, one packet of 66 bytes more each, and an acknowledgement each; answers of 1,150 bytes.
  const [requests, connections] = [100_000, 16];
  const [sent, received] = [60 * requests, 1150 * requests];
  const onTheWay = sent + 66 * 2 * requests;
  const comingBack = received + 66 * 2 * requests;
  const out = bytesOfPackets(sent, received, { requests, connections });
  const back = bytesOfPackets(received, sent, { requests, connections });
  assert.ok(out[0] <= onTheWay && onTheWay <= out[1], `${out}`);
  assert.ok(back[0] <= comingBack && comingBack <= back[1], `${back}`);
  assert.ok(2 * comingBack > back[1]);
});

test('bulk fits too, whose packets are longer than any link takes', () => {
  const [least, most] = bytesOfPackets(10e9, 0, { requests: 0, connections: 4 });
  const packets = 10e9 / 64e3;
  assert.ok(10e9 + 66 * packets >= least && 10e9 + 66 * packets <= most && 20e9 > most);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePackets } from './capture.ts';

test('splits what tcpdump prints into packets with their payloads', () => {
  const packets = parsePackets([
    'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode',
    'listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes',
    '1763712000.000100 IP 10.244.1.2.41000 > 10.244.2.2.8082: Flags [P.], seq 1:90, length 89: HTTP: GET /echo HTTP/1.1',
    'E..u..@.@..........GET /echo HTTP/1.1',
    'X-Lab-Word: lab-0123',
    '1763712000.000900 IP 10.244.2.2.8082 > 10.244.1.2.41000: Flags [.], ack 90, length 0',
    '2 packets captured',
  ]);
  assert.deepEqual(
    packets.map(({ at }) => at),
    [1763712000.0001, 1763712000.0009],
  );
  assert.ok(packets[0]?.text.includes('lab-0123'));
  assert.ok(!packets[1]?.text.includes('lab-0123'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePackets } from './capture.ts';

test('splits what tcpdump prints into packets with their payloads', () => {
  const packets = parsePackets([
    'tcpdump: verbose output suppressed, use -v[v]... for full protocol decode',
    'listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes',
    '1763712000.000100 IP 10.244.1.2.41000 > 10.244.2.2.8082: Flags [P.], seq 1:90, length 89: HTTP: GET /echo HTTP/1.1',
    'E..u..@.@..........GET /echo HTTP/1.1',
    'X-Lab-Word: lab-0123, length 7',
    '1763712000.000900 IP 10.244.2.2.8082 > 10.244.1.2.41000: Flags [.], ack 90, length 0',
    '2 packets captured',
  ]);
  assert.deepEqual(
    packets.map(({ at }) => at),
    [1763712000.0001, 1763712000.0009],
  );
  assert.deepEqual(
    packets.map(({ source, destination, payloadBytes }) => [source, destination, payloadBytes]),
    [
      ['10.244.1.2', '10.244.2.2', 89],
      ['10.244.2.2', '10.244.1.2', 0],
    ],
  );
  assert.ok(packets[0]?.text.includes('lab-0123'));
  assert.ok(!packets[1]?.text.includes('lab-0123'));
});

for (const [what, line, expected] of [
  [
    'captured on any device',
    '1763712000.000100 veth0a In  IP 10.244.1.2.41000 > 10.244.2.2.8082: Flags [P.], seq 1:90, ack 1, win 502, options [nop,nop,TS val 1 ecr 2], length 89',
    ['10.244.1.2', '10.244.2.2', 89],
  ],
  [
    'of IPv6',
    '1763712000.000100 IP6 fd00::1.41000 > fd00::2.8082: Flags [P.], seq 1:90, ack 1, win 502, length 89: HTTP, length: 89',
    ['fd00::1', 'fd00::2', 89],
  ],
  ['that is no TCP segment', '1763712000.000100 IP truncated-ip - 20 bytes missing!', ['', '', 0]],
] as const) {
  test(`a packet ${what} says from where to where it went and what it carried`, () => {
    const [packet] = parsePackets([line]);
    assert.deepEqual([packet?.source, packet?.destination, packet?.payloadBytes], expected);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { testFlow, testReply, testTranslation } from '../tests/test-flow.ts';
import { formatCompact } from './compact.ts';

const stranger = { source: '1.1.1.1', destination: '2.2.2.2', identities: [4, 12345] as [number, number], endpoint: 0 };

test("Hubble's own lines", () => {
  const drop = { ...testFlow({ ...stranger, type: 2, reason: 133 }), is_reply: false };
  assert.equal(
    formatCompact(drop),
    'Jan  1 00:20:34.567: 1.1.1.1:31793 (health) -> 2.2.2.2:8080 (ID:12345) Policy denied DROPPED (TCP Flags: SYN)',
  );
  assert.equal(
    formatCompact(drop, { node: true }),
    'Jan  1 00:20:34.567 [node-1]: 1.1.1.1:31793 (health) -> 2.2.2.2:8080 (ID:12345) Policy denied DROPPED (TCP Flags: SYN)',
  );
  assert.equal(
    formatCompact({ ...testFlow({ ...stranger, type: 3, reason: 133 }), is_reply: false }),
    'Jan  1 00:20:34.567: 1.1.1.1:31793 (health) -> 2.2.2.2:8080 (ID:12345) policy-verdict:none EGRESS DENIED (TCP Flags: SYN)',
  );
});

test('pods by name, and replies from the point of view of who opened the connection', () => {
  assert.equal(
    formatCompact(testFlow()),
    'Jan  1 00:20:34.567: default/client-1:31793 (ID:300) -> shop/web-7d4b9-x2x8q:8080 (ID:301) from-endpoint FORWARDED (TCP Flags: SYN)',
  );
  assert.equal(
    formatCompact(testReply()),
    'Jan  1 00:20:34.567: default/client-1:31793 (ID:300) <- shop/web-7d4b9-x2x8q:8080 (ID:301) to-endpoint FORWARDED (TCP Flags: SYN, ACK)',
  );
});

test('drops and denials, of which nobody knows whether they were replies', () => {
  assert.equal(
    formatCompact(testFlow({ type: 3, reason: 133 })),
    'Jan  1 00:20:34.567: default/client-1:31793 (ID:300) <> shop/web-7d4b9-x2x8q:8080 (ID:301) policy-verdict:none EGRESS DENIED (TCP Flags: SYN)',
  );
  assert.equal(
    formatCompact(testFlow({ type: 2, reason: 181, rule: 6, direction: 0 })),
    'Jan  1 00:20:34.567: default/client-1:31793 (ID:300) <> shop/web-7d4b9-x2x8q:8080 (ID:301) Policy denied by denylist DROPPED (TCP Flags: SYN)',
  );
});

test('policy verdicts', () => {
  const line = (event: object) => formatCompact(testFlow({ type: 3, ...event })).split(' (ID:301) ')[1];
  assert.equal(line({ rule: 5 }), 'policy-verdict:L3-L4 EGRESS ALLOWED (TCP Flags: SYN)');
  assert.equal(line({ rule: 5, direction: 0 }), 'policy-verdict:L3-L4 INGRESS ALLOWED (TCP Flags: SYN)');
  assert.equal(line({ rule: 6, reason: 181 }), 'policy-verdict:L4-Only EGRESS DENIED (TCP Flags: SYN)');
  assert.equal(line({}), 'policy-verdict:all EGRESS ALLOWED (TCP Flags: SYN)');
  assert.equal(line({ rule: 77 }), 'policy-verdict:unknown EGRESS ALLOWED (TCP Flags: SYN)');
});

test('translations', () => {
  assert.equal(
    formatCompact(testTranslation()),
    'Jan  1 00:20:34.567: default/client-1 (ID:300) <> shop/web-7d4b9-x2x8q:8080 (ID:301) post-xlate-fwd TRANSLATED (TCP)',
  );
  assert.equal(
    formatCompact(testTranslation({ socket: 98n, destination: '10.0.9.9', protocol: 17 })),
    'Jan  1 00:20:34.567: unknown (unknown) <> shop/web:8080 (unknown) post-xlate-fwd TRANSLATED (UDP)',
  );
  assert.match(formatCompact(testTranslation({ point: 1 })), / pre-xlate-fwd TRACED \(TCP\)$/);
});

test('every place of observation', () => {
  for (const [point, name] of [
    [0, 'to-endpoint'],
    [3, 'to-stack'],
    [5, 'from-endpoint'],
    [10, 'from-network'],
    [11, 'to-network'],
  ] as const) {
    assert.match(formatCompact(testFlow({ point })), new RegExp(` ${name} FORWARDED `));
  }
});

test('an address of IPv6 is told from its port', () => {
  const flow = testFlow({ source: 'fd00::1', destination: '2001:db8::1', identities: [300, 2] });
  assert.match(formatCompact(flow), /default\/client-1:31793 \(ID:300\) -> \[2001:db8::1\]:8080 \(world\) /);
});

test('ICMP has no ports', () => {
  const flow = testFlow({
    source: 'fd00::1',
    destination: '2001:db8::1',
    identities: [300, 1],
    protocol: 58,
    tcpFlags: 128,
  });
  assert.equal(
    formatCompact(flow),
    'Jan  1 00:20:34.567: default/client-1 (ID:300) -> 2001:db8::1 (host) from-endpoint FORWARDED (ICMPv6 EchoRequest)',
  );
});

test('days have two places, and colours do not change a word', () => {
  const flow = { ...testFlow(), time: '2026-11-21T22:01:02.003999999Z' };
  assert.match(formatCompact(flow), /^Nov 21 22:01:02\.003: /);
  assert.notEqual(formatCompact(flow, { colour: true }), formatCompact(flow));
  assert.equal(stripVTControlCharacters(formatCompact(flow, { colour: true })), formatCompact(flow));
});

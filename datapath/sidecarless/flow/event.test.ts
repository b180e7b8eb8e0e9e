import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import { testEvent } from '../tests/test-event.ts';
import { decodeEvent, isEvent } from './event.ts';

const drop = testEvent({
  time: 2n ** 63n + 5n,
  source: '10.0.0.1',
  destination: 'fd00::2',
  ports: [31793, 8080],
  identities: [0xfffffffe, 301],
  endpoint: 7,
  rule: 5,
  length: 74,
  type: 2,
  reason: 181,
  direction: 1,
  protocol: 6,
  tcpFlags: 0x12,
  isReply: 1,
  point: 5,
});

const dropped = {
  timeNanoseconds: 2n ** 63n + 5n,
  type: 'drop',
  source: '10.0.0.1',
  destination: 'fd00::2',
  sourcePort: 31793,
  destinationPort: 8080,
  sourceIdentity: 0xfffffffe,
  destinationIdentity: 301,
  endpoint: 7,
  rule: 5,
  lengthBytes: 74,
  reason: 181,
  direction: 'EGRESS',
  protocol: 6,
  tcpFlags: 0x12,
  icmpType: 0,
  icmpCode: 0,
  isReply: true,
  point: 'from-endpoint',
  translation: null,
};

test('every member is read', () => {
  assert.deepEqual(decodeEvent(drop), dropped);
});

test('bytes may be part of something larger, and of any kind', () => {
  const ring = new Uint8Array(300);
  ring.set(drop, 13);
  assert.deepEqual(decodeEvent(ring.subarray(13, 117)), dropped);
  assert.deepEqual(decodeEvent(Buffer.from(drop)), dropped);
  assert.deepEqual(decodeEvent(new DataView(ring.buffer, 13, 104)), dropped);
});

test('of ICMP the flags are the type', () => {
  const event = decodeEvent(testEvent({ protocol: 58, tcpFlags: 129, icmpCode: 3 }));
  assert.deepEqual([event.tcpFlags, event.icmpType, event.icmpCode], [0, 129, 3]);
});

test('a translation says which socket asked for what', () => {
  const event = { type: 4, point: 2, socket: 2n ** 40n, service: '10.96.0.1', servicePort: 80 };
  assert.deepEqual(decodeEvent(testEvent(event)).translation, {
    socketCookie: 2n ** 40n,
    service: '10.96.0.1',
    servicePort: 80,
  });
});

test('what this agent does not know is refused', () => {
  const refusal = (message: RegExp) => (error: unknown) =>
    error instanceof LabError && error.code === 'LAB_EVENT_INVALID' && message.test(error.message);
  assert.throws(() => decodeEvent(drop.subarray(0, 103)), refusal(/has 103 bytes, not 104/));
  assert.throws(() => decodeEvent(testEvent({ type: 9 })), refusal(/type 9/));
  assert.throws(() => decodeEvent(testEvent({ point: 77 })), refusal(/point 77/));
  assert.deepEqual([drop, drop.subarray(0, 103), testEvent({ type: 9 }), testEvent({ point: 77 })].map(isEvent), [
    ...[true, false, false, false],
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestEvent, testEvent } from '../tests/test-event.ts';
import { FlowTally } from './flow-tally.ts';

const event: TestEvent = {
  type: 1,
  source: '10.0.0.1',
  destination: '10.0.0.2',
  identities: [300, 301],
  protocol: 6,
  tcpFlags: 2,
  point: 1,
};

test('events that differ only in who talks with whom are of one kind', () => {
  const tally = new FlowTally();
  tally.add(testEvent(event));
  tally.add(testEvent({ ...event, time: 9n, source: '10.0.0.9', identities: [400, 301], ports: [1, 2], length: 60 }));
  assert.deepEqual(tally.take(), [{ record: testEvent(event), count: 2 }]);
  assert.deepEqual(tally.take(), []);
});

test('whatever a metric tells apart is a kind of its own', () => {
  const others: TestEvent[] = [
    { type: 2 },
    { reason: 133 },
    { direction: 1 },
    { protocol: 17 },
    { tcpFlags: 16 },
    { isReply: 1 },
    { point: 2 },
    { rule: 7 },
    { destination: 'fd00::1' },
    { identities: [1, 301] },
    { identities: [300, 4] },
  ];
  const tally = new FlowTally();
  tally.add(testEvent(event));
  for (const other of others) tally.add(testEvent({ ...event, ...other }));
  assert.equal(tally.take().length, others.length + 1);
});

test('a record that is overwritten later does not change what was counted', () => {
  const tally = new FlowTally();
  const record = testEvent(event);
  tally.add(record);
  record.fill(0);
  assert.deepEqual(tally.take(), [{ record: testEvent(event), count: 1 }]);
});

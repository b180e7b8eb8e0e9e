import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { testFlow } from '../tests/test-flow.ts';
import { FlowBuffer, type FlowRecord } from './flow-buffer.ts';

/** A buffer of four that has had `count` flows; the ports of those are their numbers. */
function filled(count: number): FlowBuffer {
  const buffer = new FlowBuffer(4);
  for (let sequence = 1; sequence <= count; sequence++) push(buffer, sequence);
  return buffer;
}

function push(buffer: FlowBuffer, port: number): void {
  assert.equal(buffer.push(testFlow({ ports: [port, 80] })), port);
}

/** `3` for the third flow, `-2` for two that were lost. Fails where a flow is not the one with its number. */
function summary(records: readonly FlowRecord[]): number[] {
  return records.map((record) => {
    if ('lost' in record) return -record.lost;
    const { l4 } = record.flow;
    assert.equal(l4 !== null && 'TCP' in l4 && l4.TCP.source_port, record.sequence);
    return record.sequence;
  });
}

async function take(records: AsyncIterator<FlowRecord>, count: number): Promise<FlowRecord[]> {
  const taken: FlowRecord[] = [];
  while (taken.length < count) {
    const { value, done } = await records.next();
    assert.ok(!done);
    taken.push(value);
  }
  return taken;
}

test('the last flows are kept, and what is gone is told', () => {
  assert.deepEqual(summary(new FlowBuffer(4).since(0)), []);
  assert.deepEqual(summary(filled(3).since(0)), [1, 2, 3]);
  assert.deepEqual(summary(filled(4).since(0)), [1, 2, 3, 4]);
  assert.deepEqual(summary(filled(9).since(0)), [-5, 6, 7, 8, 9]);
  assert.deepEqual(summary(filled(9).since(4)), [-1, 6, 7, 8, 9]);
  assert.deepEqual(summary(filled(9).since(5)), [6, 7, 8, 9]);
  assert.deepEqual(summary(filled(9).since(8)), [9]);
  assert.deepEqual(summary(filled(9).since(9)), []);
  assert.deepEqual(summary(filled(9).since(99)), []);
  assert.equal(filled(9).latest, 9);
});

test('the last few are no more than there are', () => {
  assert.deepEqual(summary(filled(9).last(2)), [8, 9]);
  assert.deepEqual(summary(filled(9).last(100)), [6, 7, 8, 9]);
  assert.deepEqual(summary(filled(2).last(100)), [1, 2]);
  assert.deepEqual(summary(filled(2).last(0)), []);
  assert.deepEqual(summary(new FlowBuffer(4).last(1)), []);
});

test('a follower gets what comes, from when it asked', async () => {
  const buffer = filled(2);
  const { signal } = new AbortController();
  const fresh = buffer.follow({ signal })[Symbol.asyncIterator]();
  const resumed = buffer.follow({ signal, since: 1 })[Symbol.asyncIterator]();
  const waiting = take(fresh, 2);
  push(buffer, 3);
  push(buffer, 4);
  assert.deepEqual(summary(await waiting), [3, 4]);
  assert.deepEqual(summary(await take(resumed, 3)), [2, 3, 4]);
});

test('a follower whose place is from another buffer gets what comes next', async () => {
  const buffer = filled(2);
  const { signal } = new AbortController();
  const follower = buffer.follow({ signal, since: 1000 })[Symbol.asyncIterator]();
  push(buffer, 3);
  assert.deepEqual(summary(await take(follower, 1)), [3]);
});

test('a follower that is too slow is told how many it lost, and nobody waits for it', async () => {
  const buffer = filled(1);
  const { signal } = new AbortController();
  const slow = buffer.follow({ signal })[Symbol.asyncIterator]();
  const fast = buffer.follow({ signal })[Symbol.asyncIterator]();
  for (let port = 2; port <= 11; port++) {
    push(buffer, port);
    assert.deepEqual(summary(await take(fast, 1)), [port]);
  }
  assert.deepEqual(summary(await take(slow, 5)), [-6, 8, 9, 10, 11]);
});

test('an abort ends a follower that waits, and one that does not', async () => {
  const buffer = filled(3);
  const abort = new AbortController();
  const waiting = buffer.follow({ signal: abort.signal })[Symbol.asyncIterator]();
  const busy = buffer.follow({ signal: abort.signal, since: 0 })[Symbol.asyncIterator]();
  const next = waiting.next();
  assert.deepEqual(summary(await take(busy, 1)), [1]);
  abort.abort();
  assert.deepEqual(await next, { value: undefined, done: true });
  assert.deepEqual(await busy.next(), { value: undefined, done: true });
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
});

test('a reader that has seen enough may leave', async () => {
  const buffer = filled(3);
  const { signal } = new AbortController();
  for await (const record of buffer.follow({ signal, since: 0 })) if (summary([record])[0] === 2) break;
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  push(buffer, 4);
});

test('a buffer keeps at least one flow', () => {
  assert.throws(() => new FlowBuffer(0), RangeError);
  assert.throws(() => new FlowBuffer(1.5), RangeError);
});

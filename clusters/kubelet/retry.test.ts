import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retry } from './retry.ts';

const delays = { firstSeconds: 0.02, longestSeconds: 0.05 };
const patient = { firstSeconds: 3600, longestSeconds: 3600 };
const limitMs = 5000;

/** Fails so many times before it succeeds, and notes when it was called. */
function failing(times: number): { attempt: () => Promise<string>; atMs: number[] } {
  const atMs: number[] = [];
  const attempt = async (): Promise<string> => {
    atMs.push(performance.now());
    if (atMs.length <= times) throw new Error(`no ${atMs.length}`);
    return 'done';
  };
  return { attempt, atMs };
}

test('an attempt that fails is made again, after a wait that doubles up to the longest', async () => {
  const { attempt, atMs } = failing(4);
  const told: string[] = [];
  const onFailure = ({ message }: Error, failures: number) => told.push(`${message}, ${failures}`);
  assert.equal(await retry(attempt, { delays, onFailure }), 'done');
  assert.deepEqual(told, ['no 1, 1', 'no 2, 2', 'no 3, 3', 'no 4, 4']);
  // A timer fires up to a millisecond early by this clock.
  const waitsMs = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0) + 1);
  for (const [index, atLeastMs] of [20, 40, 50, 50].entries()) {
    assert.ok((waitsMs[index] ?? 0) >= atLeastMs, waitsMs.join(' '));
  }
});

test('a change cuts the wait short, even one that comes while the attempt is under way', async () => {
  const { attempt, atMs } = failing(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const begin = async (): Promise<string> => {
    resolve();
    return attempt();
  };
  const signal = AbortSignal.timeout(limitMs);
  const options = { delays: patient, onFailure: () => undefined, signal, change: () => promise };
  assert.equal(await retry(begin, options), 'done');
  assert.equal(atMs.length, 2);
});

test('the signal ends a wait, and no attempt is made any more', async () => {
  const { attempt, atMs } = failing(1);
  const stop = new AbortController();
  const onFailure = () => setImmediate(() => stop.abort(new Error('enough')));
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(limitMs)]);
  await assert.rejects(retry(attempt, { delays: patient, onFailure, signal }), /enough/);
  assert.equal(atMs.length, 1);
});

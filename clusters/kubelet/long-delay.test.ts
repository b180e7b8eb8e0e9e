import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longDelay, longestTimerMs } from './long-delay.ts';

test('a time that is too long for a timer is waited for all the same', async () => {
  const stop = new AbortController();
  let over = false;
  const waited = longDelay(longestTimerMs + 5000, stop.signal).then(() => {
    over = true;
  });
  await longDelay(50, new AbortController().signal);
  assert.equal(over, false);
  stop.abort();
  await waited;
});

test('no time is no wait, and what is aborted waits no more', async () => {
  await longDelay(0, new AbortController().signal);
  await longDelay(60_000, AbortSignal.abort());
});

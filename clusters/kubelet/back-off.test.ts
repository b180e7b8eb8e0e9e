import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff, restartDelays } from './back-off.ts';

/** What is waited from one failure to the next, when each run ends at once. */
function waits(count: number, pauseSeconds = 0): number[] {
  const delays = backOff(restartDelays);
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    const seconds = delays.remainingSeconds(nowMs, nowMs);
    nowMs += seconds * 1000;
    delays.next(nowMs);
    nowMs += pauseSeconds * 1000;
    return seconds;
  });
}

test('restarts wait 10 s doubling to 300 s, the first not at all', () => {
  assert.deepEqual(waits(8), [0, 10, 20, 40, 80, 160, 300, 300]);
});

test('a run of more than ten minutes begins anew', () => {
  assert.deepEqual(waits(3, 601), [0, 0, 0]);
  assert.deepEqual(waits(3, 580), [0, 10, 20]);
});

test('what has passed since the end of the run counts', () => {
  const delays = backOff(restartDelays);
  delays.next(0);
  assert.equal(delays.remainingSeconds(4000, 0), 6);
  assert.equal(delays.remainingSeconds(11_000, 0), 0);
});

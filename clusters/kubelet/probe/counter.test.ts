import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probeCounter } from './counter.ts';

test('a verdict needs as many equal results in a row as the threshold says', () => {
  const counter = probeCounter({ successThreshold: 2, failureThreshold: 3 });
  const results = [false, false, true, false, false, false, false, true, true, false];
  assert.deepEqual(
    results.map((result) => counter.observe(result)),
    [null, null, null, null, null, 'failure', 'failure', null, 'success', null],
  );
});

test('by default one success and three failures', () => {
  const counter = probeCounter({});
  assert.deepEqual(
    [true, false, false, false].map((result) => counter.observe(result)),
    ['success', null, null, 'failure'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './random.ts';
import { unpaired } from './unpaired.ts';

test('the interval of two samples of one distribution contains 1 about 19 times of 20', () => {
  const numbers = random(7);
  const runs = 60;
  const sample = (): number[] => Array.from({ length: 10 }, () => Math.exp(0.1 * numbers.normal()));
  const held = Array.from({ length: runs }, () => unpaired(sample(), sample(), numbers).interval).filter(
    (interval) => interval !== null && interval[0] <= 1 && interval[1] >= 1,
  ).length;
  assert.ok(held >= 0.88 * runs, `${held} of ${runs}`);
});

test('a difference is seen, and few values have no interval', () => {
  const values = [2.0, 2.1, 1.9, 2.05, 1.95, 2.02];
  const { ratio, interval } = unpaired(
    values,
    values.map((value) => value / 2),
    random(1),
  );
  assert.equal(ratio, 2);
  assert.ok(interval !== null && interval[0] > 1.8 && interval[1] < 2.2);
  assert.deepEqual(unpaired([2], [1], random(1)), { ratio: 2, interval: null });
  assert.deepEqual(unpaired([], [1], random(1)), { ratio: null, interval: null });
});

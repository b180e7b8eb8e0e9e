import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './median.ts';
import { random } from './random.ts';
import { paired } from './statistics.ts';

const byPass = (values: readonly (number | null)[]) =>
  new Map([...values.entries()].filter((entry): entry is [number, number] => entry[1] !== null));

test('the median is the middle value, or the mean of the middle two, whatever the order', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 10, 2]), 3);
  assert.equal(median([10, 9, 100]), 10);
  assert.equal(median([]), null);
});

test('a disturbance that both sides share falls out of the ratio', () => {
  const disturbance = [1, 5, 2, 9, 1, 3, 7, 1];
  const { ratio, interval } = paired(
    byPass(disturbance.map((factor) => 3 * factor)),
    byPass(disturbance.map((factor) => 2 * factor)),
    random(1),
  );
  assert.equal(ratio, 1.5);
  assert.deepEqual(interval, [1.5, 1.5]);
});

test('ratio and difference are medians over passes, not made of medians', () => {
  const { ratio, difference } = paired(byPass([2, 10, 30]), byPass([1, 2, 30]), random(1));
  assert.equal(ratio, 2);
  assert.equal(difference, 1);
});

test('only passes that both sides have count', () => {
  const { ratio, difference } = paired(byPass([2, null, 8, 100]), byPass([1, 7, 2, null]), random(1));
  assert.equal(ratio, 3);
  assert.equal(difference, 3.5);
});

test('without a common pass there is nothing', () => {
  const nothing = { ratio: null, interval: null, difference: null };
  assert.deepEqual(paired(byPass([1]), byPass([]), random(1)), nothing);
  assert.deepEqual(paired(byPass([1, null]), byPass([null, 1]), random(1)), nothing);
});

test('numbers that are not above 0 have a difference but no ratio', () => {
  for (const [values, baseline] of [
    [
      [1, 2],
      [0, 1],
    ],
    [
      [-1, 2],
      [1, 1],
    ],
    [
      [1, 2],
      [-1, 1],
    ],
  ] as const) {
    const { ratio, interval, difference } = paired(byPass(values), byPass(baseline), random(1));
    assert.equal(ratio, null);
    assert.equal(interval, null);
    assert.ok(difference !== null);
  }
});

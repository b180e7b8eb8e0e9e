import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './median.ts';
import { paired } from './paired.ts';

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
  const { ratio, pairs } = paired(
    byPass(disturbance.map((factor) => 3 * factor)),
    byPass(disturbance.map((factor) => 2 * factor)),
  );
  assert.equal(pairs, 8);
  for (const value of [ratio?.estimate, ...(ratio?.interval ?? [])]) assert.ok(Math.abs((value ?? 0) - 1.5) < 1e-12);
});

test('ratio and difference are of passes, not made of medians', () => {
  const values = byPass([2, 10, 30, 2, 10, 30, 2]);
  const { ratio, difference } = paired(values, byPass([1, 2, 30, 1, 2, 30, 1]));
  assert.ok(Math.abs((ratio?.estimate ?? 0) - 2) < 0.3);
  assert.equal(difference?.estimate, 1);
});

test('only passes that both sides have count, in the order in which they were', () => {
  const { ratio, difference, pairs } = paired(
    new Map([
      [3, 100],
      [2, 8],
      [0, 2],
    ]),
    byPass([1, 7, 2, null]),
  );
  assert.equal(pairs, 2);
  assert.ok(Math.abs((ratio?.estimate ?? 0) - Math.sqrt(8)) < 1e-12);
  assert.equal(difference?.estimate, 3.5);
});

test('without a common pass there is nothing', () => {
  const nothing = { pairs: 0, ratio: null, difference: null };
  assert.deepEqual(paired(byPass([1]), byPass([])), nothing);
  assert.deepEqual(paired(byPass([1, null]), byPass([null, 1])), nothing);
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
    const { ratio, difference } = paired(byPass(values), byPass(baseline));
    assert.equal(ratio, null);
    assert.ok(difference !== null);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './random.ts';
import { rankSumAtMost } from './rank-sum.ts';
import { unpaired } from './unpaired.ts';

test('ratio and interval are those of another program', () => {
  // SciPy 1.16, mannwhitneyu(method='exact') and all differences by hand, of these as logarithms.
  const ours = [0.0273, -0.1233, -0.0958, 0.16, 0.0203, -0.1732, -0.0084, -0.1163];
  const theirs = [0.0371, 0.0512, 0.0287, 0.1553, 0.0937, 0.0411, 0.141, 0.183, -0.0643];
  const found = unpaired(ours.map(Math.exp), theirs.map(Math.exp));
  assert.ok(found?.interval != null);
  for (const [value, expected] of [
    [found.estimate, -0.13395],
    [found.interval[0], -0.2143],
    [found.interval[1], -0.0168],
  ] as const) {
    assert.ok(Math.abs(Math.log(value) - expected) < 1e-9, `${Math.log(value)}`);
  }
  assert.ok(Math.abs((found.p ?? 0) - 0.015220074043603454) < 1e-12, `${found.p}`);
  const [exact, normal] = [50, 51].map((n) => rankSumAtMost(0.42 * 50 * n, 50, n));
  assert.ok(Math.abs((exact ?? 0) - (normal ?? 0)) < 0.003, `${exact} ${normal}`);
});

test('the interval of two samples of one distribution contains 1 about 19 times of 20', () => {
  const numbers = random(7);
  const runs = 2000;
  const sample = (): number[] => Array.from({ length: 10 }, () => Math.exp(0.1 * numbers.normal()));
  const held = Array.from({ length: runs }, () => unpaired(sample(), sample())?.interval).filter(
    (interval) => interval != null && interval[0] <= 1 && interval[1] >= 1,
  ).length;
  assert.ok(held >= 0.94 * runs && held <= 0.97 * runs, `${held} of ${runs}`);
});

test('few values have no interval, and none no ratio', () => {
  assert.deepEqual(unpaired([2], [1]), { estimate: 2, interval: null, p: null, widening: 1 });
  assert.equal(unpaired([], [1]), null);
  assert.equal(unpaired([1, 0], [1]), null);
});

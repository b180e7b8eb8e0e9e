import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Histogram, histogramOf, mergeHistograms, nearestRank, quantile } from './histogram.ts';
import { type Random, random } from './random.ts';

const distributions: Record<string, (source: Random) => number> = {
  uniform: ({ uniform }) => 0.0001 + uniform() / 1000,
  lognormal: ({ normal }) => 0.0005 * Math.exp(normal()),
  'Pareto, no variance': ({ uniform }) => 0.0001 * (1 - uniform()) ** (-1 / 1.5),
  'a stall of 200 ms': ({ uniform }) => (uniform() < 0.02 ? 0.2 * uniform() : 0.0003 * (1 + uniform())),
  'below a nanosecond': ({ uniform }) => 1e-12 * (1 + uniform()),
  hours: ({ uniform }) => 3600 * (1 + 10 * uniform()),
  'one value': () => 0.001,
};
const quantiles = [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1];

for (const [name, draw] of Object.entries(distributions)) {
  test(`quantiles are within the relative error of the exact ones: ${name}`, () => {
    for (const [seed, n] of [1, 2, 7, 1000, 20_000].entries()) {
      const source = random(seed);
      const values = Array.from({ length: n }, () => draw(source));
      const histogram = Histogram.parse(histogramOf(values));
      const sorted = values.toSorted((one, other) => one - other);
      for (const q of quantiles) {
        const exact = sorted[nearestRank(q, n) - 1] as number;
        const error = Math.abs((quantile(histogram, q) as number) / exact - 1);
        assert.ok(error <= histogram.relativeError * (1 + 1e-9), `q ${q} of ${n}: off by ${error}`);
      }
    }
  });
}

test('merging gives what building from all values gives', () => {
  const source = random(11);
  for (let round = 0; round < 20; round++) {
    const parts = Array.from({ length: source.below(6) }, () =>
      Array.from({ length: source.below(500) }, () => 0.001 * Math.exp(2 * source.normal()) - 0.0002),
    );
    const { sum: mergedSum, ...merged } = mergeHistograms(parts.map((values) => histogramOf(values)));
    const { sum, ...whole } = histogramOf(parts.flat());
    assert.deepEqual(merged, whole);
    assert.ok(Math.abs(mergedSum - sum) <= 1e-9 * Math.abs(sum), `sums ${mergedSum} and ${sum}`);
  }
});

test('histograms of different relative errors do not merge', () => {
  assert.throws(() => mergeHistograms([histogramOf([1], 0.005), histogramOf([1], 0.01)]), {
    code: 'LAB_HISTOGRAMS_DIFFER',
  });
});

test('the bucket of a value is the one that the format says', () => {
  // gamma = 1.005 / 0.995, log(gamma) = 0.010000083…; log(1e6) / log(gamma) = 1381.5396…
  assert.deepEqual(histogramOf([0.001, 0.001, 1e-9]).buckets, [
    [0, 1],
    [1382, 2],
  ]);
});

// What runners/load/k6/histogram wrote after recording 7 k^3 - 5 ns for k = 0 … 999.
test('the load generator counts the same values in the same buckets', async () => {
  const text = await readFile(join(import.meta.dirname, 'histogram.golden.json'), 'utf8');
  const { sum, ...written } = Histogram.parse(JSON.parse(text));
  const { sum: ownSum, ...own } = histogramOf(Array.from({ length: 1000 }, (_, k) => (7 * k ** 3 - 5) / 1e9));
  assert.deepEqual(own, written);
  assert.ok(Math.abs(ownSum / sum - 1) < 1e-12);
});

test('zero and negative values are counted apart, as 0 within the range', () => {
  const histogram = Histogram.parse(histogramOf([-0.5, 0, 0.001]));
  assert.equal(histogram.zero, 2);
  assert.equal(quantile(histogram, 0.5), 0);
  assert.equal(quantile(histogramOf([-0.5]), 0.5), -0.5);
});

test('the range is exact and bounds the quantiles', () => {
  const histogram = histogramOf([0.0012345, 0.0023456]);
  assert.equal(quantile(histogram, 0), 0.0012345);
  assert.equal(quantile(histogram, 1), 0.0023456);
});

test('of no values there is no quantile', () => {
  const empty = Histogram.parse(histogramOf([]));
  assert.equal(quantile(empty, 0.5), null);
  assert.deepEqual(mergeHistograms([]), empty);
  assert.deepEqual(mergeHistograms([empty, histogramOf([2])]), histogramOf([2]));
});

test('a rank is not one too high because of a rounding error', () => {
  assert.equal(nearestRank(0.07, 100), 7);
  assert.equal(nearestRank(0.071, 100), 8);
  assert.equal(nearestRank(0, 100), 1);
  assert.equal(nearestRank(1, 100), 100);
  for (let n = 1; n <= 1000; n++) {
    for (let k = 1; k <= n; k++) assert.equal(nearestRank(k / n, n), k, `${k} of ${n}`);
  }
});

test('what cannot be is refused', () => {
  assert.throws(() => histogramOf([Number.NaN]), RangeError);
  assert.throws(() => quantile(histogramOf([1]), 1.5), RangeError);
  const histogram = histogramOf([0.001, 0.002]);
  const broken: Record<string, unknown> = {
    'a count that the buckets have not': { ...histogram, count: 3 },
    'descending buckets': { ...histogram, buckets: histogram.buckets.toReversed() },
    'a range of nothing': { ...histogramOf([]), min: 0, max: 0 },
    'no range': { ...histogram, min: null, max: null },
    'a field of its own': { ...histogram, mean: 1 },
    'another unit': { ...histogram, unit: 'milliseconds' },
    'too coarse': { ...histogram, relativeError: 0.02 },
  };
  assert.ok(Histogram.safeParse(histogram).success);
  for (const [what, value] of Object.entries(broken)) assert.ok(!Histogram.safeParse(value).success, what);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewestForRanks, locationOf } from './location.ts';
import { random } from './random.ts';
import { serialCorrelation } from './serial-correlation.ts';
import { signedRankAtMost, signedRanksBeyond } from './signed-rank.ts';

// What SciPy 1.16 says of the same values: scipy.stats.wilcoxon(mode='exact'), and the averages by hand.
const sample = [0.0198, -0.0324, 0.0752, 0.142, 0.2136, 0.111, 0.0447, 0.0215, 0.1749, 0.2635];

test('estimate and exact interval are those of another program; the widening is said', () => {
  const location = locationOf(sample);
  assert.ok(location !== null && location.interval !== null);
  const { estimate, widening } = location;
  assert.ok(Math.abs(estimate - 0.0982) < 1e-12);
  const [low, high] = location.interval.map((end) => estimate + (end - estimate) / widening) as [number, number];
  assert.ok(Math.abs(low - 0.03225) < 1e-12 && Math.abs(high - 0.1749) < 1e-12, `${low} ${high}`);
  assert.ok(widening > 1 && location.interval[0] < low && location.interval[1] > high);
});

test('the chances of the signed-rank statistic are the exact ones', () => {
  assert.equal(signedRankAtMost(3, 10) * 2, 0.009765625);
  assert.equal(signedRankAtMost(-1, 10), 0);
  assert.equal(signedRankAtMost(55, 10), 1);
  // Those of the printed tables, two-sided 0.05: the statistic must not exceed one less than this.
  assert.deepEqual(
    [6, 8, 10, 15, 20, 25, 40].map((n) => signedRanksBeyond(0.025, n)),
    [1, 4, 9, 26, 53, 90, 265],
  );
  const [exact, normal] = [100, 101].map((n) => signedRankAtMost((0.4 * n * (n + 1)) / 2, n));
  assert.ok(Math.abs((exact ?? 0) - (normal ?? 0)) < 0.002, `${exact} ${normal}`);
});

test('p is below 0.05 exactly where the interval leaves 0 out, of few values and of many', () => {
  const source = random(3);
  let significant = 0;
  for (let draw = 0; draw < 3000; draw++) {
    const n = 2 + (draw % 30);
    const location = locationOf(Array.from({ length: n }, () => 0.3 + source.normal()));
    assert.ok(location?.interval != null && location.p !== null);
    const [low, high] = location.interval;
    const excludes = low > 0 || high < 0;
    if (excludes) significant += 1;
    assert.equal(location.p < 0.05, excludes, `${n}: p ${location.p}, ${low} to ${high}`);
    assert.ok(low <= location.estimate && location.estimate <= high);
  }
  assert.ok(significant > 300 && significant < 2700);
});

test('one value has no interval, none have nothing, and equal ones an interval of no width', () => {
  assert.deepEqual(locationOf([3]), { estimate: 3, interval: null, p: null, widening: 1 });
  assert.equal(locationOf([]), null);
  assert.deepEqual(locationOf(new Array(8).fill(2))?.interval, [2, 2]);
  assert.equal(locationOf(new Array(8).fill(0))?.p, 1);
  assert.ok((locationOf(new Array(8).fill(2))?.p ?? 1) < 0.01);
});

test('two values give the t interval of their mean', () => {
  const location = locationOf([0, 0.1]);
  assert.ok(location?.interval != null);
  assert.ok(Math.abs(location.interval[0] - (0.05 - 0.63531)) < 1e-5);
  // Student's t with one degree of freedom: t = 1 has 25 % above it.
  assert.ok(Math.abs((location.p ?? 0) - 0.5) < 1e-9);
});

test('the order of values counts, for neighbours may be alike, but which way round does not', () => {
  const rising = Array.from({ length: 20 }, (_, index) => index);
  const mixed = rising.map((value) => (value % 2 === 0 ? value : 19 - value));
  assert.equal(serialCorrelation(rising), 0.6);
  assert.ok(serialCorrelation(mixed) < serialCorrelation(rising));
  assert.deepEqual(locationOf(rising), locationOf(rising.toReversed()));
  assert.equal(fewestForRanks, 6);
});

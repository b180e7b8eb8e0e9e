import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holm } from './holm.ts';
import { jackknife } from './jackknife.ts';
import { locationOf } from './location.ts';
import { minimumDetectableEffect } from './power.ts';
import { random } from './random.ts';
import { logRatios, type Noise, noises, simulatedCoverage } from './tests/simulation.ts';

// What the statistics claim of themselves, held against simulated runs. `node results/tests/coverage.ts` simulates more.

const [quiet] = noises as [Noise, ...Noise[]];

for (const { passes, correlation, least, most } of [
  { passes: 2, correlation: 0, least: 0.94, most: 0.96 },
  { passes: 5, correlation: 0, least: 0.94, most: 0.965 },
  { passes: 6, correlation: 0, least: 0.965, most: 0.99 },
  { passes: 10, correlation: 0, least: 0.95, most: 0.98 },
  { passes: 20, correlation: 0, least: 0.95, most: 0.98 },
  { passes: 40, correlation: 0, least: 0.95, most: 0.98 },
  // Each pass like the one before it: an interval that takes them for independent covers 87, 86 and 85 %.
  { passes: 10, correlation: 0.3, least: 0.905, most: 0.96 },
  { passes: 20, correlation: 0.3, least: 0.91, most: 0.96 },
  { passes: 40, correlation: 0.3, least: 0.915, most: 0.96 },
]) {
  for (const noise of noises) {
    // Below six passes the interval takes the noise for normal.
    if (passes < 6 && noise.spike > 0) continue;
    test(`${noise.name}, ${passes} passes correlated by ${correlation}: the interval contains the truth as often as it claims`, (t) => {
      const { coverage, width } = simulatedCoverage(noise, { passes, correlation, runs: 3000, seed: 7 });
      t.diagnostic(`coverage ${coverage.toFixed(3)}, width ${width.toFixed(3)}`);
      assert.ok(coverage >= least && coverage <= most, `coverage ${coverage}`);
    });
  }
}

test('where nothing differs, a table of 20 comparisons shows a difference in no more than 5 % of runs', () => {
  const source = random(3);
  const runs = 500;
  let [raw, adjusted] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const ps = Array.from(
      { length: 20 },
      () => locationOf(logRatios(source, quiet, { passes: 20, correlation: 0 }))?.p ?? 1,
    );
    if (ps.some((p) => p < 0.05)) raw += 1;
    if (holm(ps).some((p) => p < 0.05)) adjusted += 1;
  }
  assert.ok(raw > 0.3 * runs, `${raw} of ${runs} unadjusted`);
  assert.ok(adjusted <= 0.06 * runs, `${adjusted} of ${runs}`);
});

test('Holm adjusts step by step, keeps the order, and never lowers a p-value', () => {
  const adjusted = holm([0.04, 0.01, 0.03, 0.005]);
  for (const [index, expected] of [0.06, 0.03, 0.06, 0.02].entries()) {
    assert.ok(Math.abs((adjusted[index] ?? 0) - expected) < 1e-12, `${adjusted}`);
  }
  assert.deepEqual(holm([]), []);
  assert.deepEqual(holm([0.9, 0.8]), [1, 1]);
});

test('an effect of the minimum detectable size is found in about 80 % of runs, half of it in far fewer', () => {
  const source = random(11);
  const runs = 1500;
  const found = (effect: number, family: number): number => {
    let count = 0;
    for (let run = 0; run < runs; run++) {
      const { p } = locationOf(
        logRatios(source, quiet, { passes: 20, correlation: 0, truth: Math.log(1 + effect) }),
      ) ?? { p: 1 };
      if ((p ?? 1) * family < 0.05) count += 1;
    }
    return count / runs;
  };
  for (const family of [1, 10]) {
    const effects = Array.from({ length: 200 }, () => {
      const { interval } = locationOf(logRatios(source, quiet, { passes: 20, correlation: 0 })) ?? { interval: null };
      return minimumDetectableEffect(interval === null ? null : [Math.exp(interval[0]), Math.exp(interval[1])], family);
    }) as number[];
    const effect = effects.reduce((sum, one) => sum + one, 0) / effects.length;
    const [at, below] = [found(effect, family), found(effect / 2, family)];
    assert.ok(at > 0.74 && at < 0.92, `${family}: ${at} at ${effect}`);
    assert.ok(below < 0.5, `${family}: ${below}`);
  }
  assert.equal(minimumDetectableEffect(null, 1), null);
  assert.equal(minimumDetectableEffect([1, 1], 1), null);
});

test('the interval of a value contains it as often as it claims, of means and of quantiles of many requests', () => {
  const source = random(5);
  const runs = 800;
  const middle = (blocks: readonly (readonly number[])[]): number => {
    const all = blocks.flat().sort((one, other) => one - other);
    return all[all.length >> 1] as number;
  };
  let held = 0;
  for (let run = 0; run < runs; run++) {
    const blocks = Array.from({ length: 20 }, () => {
      const disturbance = Math.exp(0.085 * source.normal());
      return Array.from({ length: 40 }, () => disturbance * Math.exp(0.3 * source.normal()));
    });
    const interval = jackknife(blocks, middle);
    if (interval !== null && interval[0] <= 1 && interval[1] >= 1) held += 1;
  }
  assert.ok(held >= 0.92 * runs && held <= 0.98 * runs, `${held} of ${runs}`);
  assert.equal(
    jackknife([1], () => 1),
    null,
  );
  assert.equal(
    jackknife([1, 2], ([first]) => (first === 1 ? 1 : null)),
    null,
  );
  assert.deepEqual(jackknife([0, 2], ([first]) => first ?? null)?.length, 2);
});

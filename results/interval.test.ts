import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resampledMedians } from './bootstrap.ts';
import { nearestRank } from './histogram.ts';
import { type Interval, medianInterval } from './interval.ts';
import { median } from './median.ts';
import { type Random, random } from './random.ts';

/** As two equal test cases differ in one block on a shared machine of two cores. */
const noise = ({ normal }: Random) => Math.exp(0.085 * normal());

// `covers` is what 20,000 simulated runs gave; methodology.md quotes it. Fewer suffice to see a wrong interval. The issue
// asks for 17 of 20 A/A runs: with 94 % 97 of 100 such series get there, with 96 % 99 do.
for (const { blocks, runs, covers } of [
  { blocks: 2, runs: 4000, covers: 0.948 },
  { blocks: 3, runs: 4000, covers: 0.949 },
  { blocks: 5, runs: 4000, covers: 0.951 },
  { blocks: 6, runs: 500, covers: 0.967 },
  { blocks: 10, runs: 1000, covers: 0.962 },
  { blocks: 20, runs: 300, covers: 0.959 },
]) {
  test(`of equal data planes the interval over ${blocks} blocks contains 1 as often as it claims`, (t) => {
    const coverage = coverageOf(medianInterval, blocks, runs);
    t.diagnostic(`coverage ${coverage.toFixed(3)} over ${runs} simulated runs`);
    assert.ok(coverage >= 0.93, `coverage ${coverage}`);
    const error = Math.sqrt((covers * (1 - covers)) / runs);
    assert.ok(Math.abs(coverage - covers) < 3 * error, `coverage ${coverage} of ${covers} ± ${error}`);
  });
}

test('the plain percentile interval covers less than the expanded one', (t) => {
  const plain = (ratios: readonly number[], source: Random): Interval => {
    const medians = resampledMedians(ratios, source).sort();
    const at = (q: number) => medians[nearestRank(q, medians.length) - 1] as number;
    return [at(0.025), at(0.975)];
  };
  const [narrow, wide] = [coverageOf(plain, 10, 400), coverageOf(medianInterval, 10, 400)];
  t.diagnostic(`plain ${narrow.toFixed(3)}, expanded ${wide.toFixed(3)}`);
  assert.ok(narrow < wide);
});

test('a difference of 20 % between data planes is found, and its size is in the interval', () => {
  const source = random(21);
  const found = Array.from({ length: 100 }, (_, seed) => {
    const ratios = Array.from({ length: 10 }, () => 1.2 * noise(source));
    const [low, high] = medianInterval(ratios, random(seed)) as Interval;
    return { excludesOne: low > 1, containsTruth: low <= 1.2 && 1.2 <= high };
  });
  assert.ok(found.filter(({ excludesOne }) => excludesOne).length >= 95);
  assert.ok(found.filter(({ containsTruth }) => containsTruth).length >= 90);
});

test('the interval contains the median that it belongs to, and the same seed gives it again', () => {
  const source = random(31);
  for (let n = 2; n <= 24; n++) {
    const ratios = Array.from({ length: n }, () => Math.exp(3 * source.normal()));
    const [low, high] = medianInterval(ratios, random(n)) as Interval;
    const middle = median(ratios) as number;
    assert.ok(low <= middle && middle <= high, `${low} ${middle} ${high} of ${n}`);
    assert.deepEqual(medianInterval(ratios.toReversed(), random(n))?.length, 2);
    assert.deepEqual(medianInterval(ratios, random(n)), [low, high]);
  }
});

test('two blocks give the t interval of their logarithms; one block none', () => {
  // Logarithms 0 and 0.1: mean 0.05, standard error 0.05, t 12.7062.
  const [low, high] = medianInterval([1, Math.exp(0.1)], random(1)) as Interval;
  assert.ok(Math.abs(Math.log(low) - (0.05 - 0.63531)) < 1e-6, String(low));
  assert.ok(Math.abs(Math.log(high) - (0.05 + 0.63531)) < 1e-6, String(high));
  assert.equal(medianInterval([1.1], random(1)), null);
  assert.equal(medianInterval([], random(1)), null);
});

function coverageOf(intervalOf: typeof medianInterval, blocks: number, runs: number): number {
  const source = random(41);
  let covered = 0;
  for (let run = 0; run < runs; run++) {
    const ratios = Array.from({ length: blocks }, () => noise(source) / noise(source));
    const [low, high] = intervalOf(ratios, random(run)) as Interval;
    if (low <= 1 && 1 <= high) covered += 1;
  }
  return covered / runs;
}

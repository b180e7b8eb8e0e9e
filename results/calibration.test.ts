import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverageOf, noticedCoverage, scatterOf } from './calibration.ts';
import { random } from './random.ts';

const near = (value: number, expected: number, within: number) =>
  assert.ok(Math.abs(value - expected) < within, `${value}, not ${expected}`);

test('coverage has the exact interval and p of the printed tables', () => {
  const { interval, p } = coverageOf(17, 20);
  near(interval[0], 0.6211, 1e-4);
  near(interval[1], 0.9679, 1e-4);
  // 1 - P(18 to 20 of 20 at 0.95)
  near(p, 0.0755, 1e-4);
  assert.deepEqual(coverageOf(20, 20).interval[1], 1);
  assert.deepEqual(coverageOf(0, 20).interval[0], 0);
  near(coverageOf(40, 40).p, 1, 1e-9);
});

test('more runs notice a smaller lack of coverage', () => {
  const [twenty, forty, hundred] = [20, 40, 100].map((runs) => noticedCoverage(runs, 1)) as [number, number, number];
  assert.ok(twenty < forty && forty < hundred && hundred < 0.95, `${[twenty, forty, hundred]}`);
  assert.ok(noticedCoverage(40, 5) < forty);
  // It is noticed by as many checks as it says: those in which fewer intervals contain 1 than 95 % would explain.
  const source = random(3);
  const checks = 2000;
  let noticed = 0;
  for (let check = 0; check < checks; check++) {
    const contained = Array.from({ length: 40 }, () => source.uniform() < forty).filter(Boolean).length;
    if (coverageOf(contained, 40).p < 0.05) noticed += 1;
  }
  near(noticed / checks, 0.8, 0.04);
});

test('runs that scatter as their intervals say do so once, and deployments that add to it show', () => {
  const source = random(5);
  const runsOf = (own: number) =>
    Array.from({ length: 40 }, () => {
      const estimate = own * source.normal();
      return { estimate, interval: [estimate - 1.96, estimate + 1.96] as [number, number] };
    });
  const [alike, apart] = [scatterOf(runsOf(1)), scatterOf(runsOf(2))];
  near(alike?.times ?? 0, 1, 0.3);
  assert.ok((alike?.p ?? 0) > 0.01 && (apart?.p ?? 1) < 0.001, `${alike?.p} ${apart?.p}`);
  near(apart?.times ?? 0, 2, 0.6);
  assert.equal(scatterOf(runsOf(1).slice(0, 1)), null);
});

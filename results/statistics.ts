import { type Interval, medianInterval } from './interval.ts';
import { median } from './median.ts';
import type { Random } from './random.ts';

/** What one series of a test case is relative to the same series of the baseline, block by block. */
export type Paired = {
  /** The median over passes of value / baseline; null unless all of them are above 0. */
  ratio: number | null;
  /** A 95 % confidence interval of the ratio; null where there is no ratio, or only one pass. */
  interval: Interval | null;
  /** The median over passes of value - baseline, in the metric's unit; null where no pass has both. */
  difference: number | null;
};

/** One value by pass, for the passes that have one. */
export type ByPass = ReadonlyMap<number, number>;

/**
 * Compares pass by pass, so that what disturbs the machine for longer than a pass falls out. Passes that only one side
 * has do not count. A ratio means something only between numbers above 0.
 */
export function paired(values: ByPass, baseline: ByPass, random: Random): Paired {
  const pairs: [number, number][] = [];
  for (const [pass, value] of values) {
    const base = baseline.get(pass);
    if (base !== undefined) pairs.push([value, base]);
  }
  const difference = median(pairs.map(([value, base]) => value - base));
  if (pairs.length === 0 || pairs.some(([value, base]) => value <= 0 || base <= 0)) {
    return { ratio: null, interval: null, difference };
  }
  const ratios = pairs.map(([value, base]) => value / base);
  return { ratio: median(ratios), interval: medianInterval(ratios, random), difference };
}

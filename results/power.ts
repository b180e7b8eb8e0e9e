import type { Interval } from './interval.ts';
import { normalQuantileAbove } from './student.ts';

const power = 0.8;
const significance = 0.05;

/**
 * The smallest ratio above 1 that a comparison with such an interval finds in 80 % of runs, where it is one of `family`
 * comparisons that are looked at together (the hardest step of Holm's procedure), as a share: 0.07 is 7 %. The noise is taken
 * from the width of the interval. Null for an interval that says nothing of it.
 * @param interval of a ratio, 95 %.
 */
export function minimumDetectableEffect(interval: Interval | null, family: number): number | null {
  if (interval === null || interval[0] <= 0 || interval[1] <= interval[0]) return null;
  const error = Math.log(interval[1] / interval[0]) / 2 / normalQuantileAbove(significance / 2);
  const steps = normalQuantileAbove(significance / (2 * Math.max(1, family))) + normalQuantileAbove(1 - power);
  return Math.exp(steps * error) - 1;
}

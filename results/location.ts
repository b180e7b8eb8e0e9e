import type { Interval } from './interval.ts';
import { serialWidening } from './serial-correlation.ts';
import { signedRankAtMost, signedRanksBeyond } from './signed-rank.ts';
import { normalQuantileAbove, studentAbove, studentQuantileAbove } from './student.ts';

/** What a sample says of the middle of the distribution that it comes from. */
export type Location = {
  estimate: number;
  /** 95 %; null of a single value. */
  interval: Interval | null;
  /** The chance of an estimate as far from 0, or farther, where the middle is 0; null of a single value. */
  p: number | null;
  /** What the interval was widened by, about the estimate, for what ranks alone do not show; 1 where by nothing. */
  widening: number;
};

/** Below this no interval from ranks reaches 95 %: the range of five values holds the middle in 94 % of samples. */
export const fewestForRanks = 6;
const tail = 0.025;

/**
 * The middle of values in the order in which they were measured; null of none. From six values on Hodges and Lehmann's
 * estimate (the median of the averages of all pairs, each value paired with itself too; Annals of Mathematical Statistics
 * 34(2), 1963) with the exact interval of Wilcoxon's signed-rank test, which asks for symmetry and for no other shape.
 * Below that mean and Student's t, which takes the noise for normal and is wide, as it must be: from two values hardly
 * anything follows. Where neighbours are alike the interval is widened (`serialWidening`), for then there is less in the
 * values than their number says. `p` is that of the interval: below 0.05 exactly where the interval leaves 0 out.
 * @param shared the standard error of what all values have in common, which they cannot show: the interval holds it too.
 */
export function locationOf(values: readonly number[], shared = 0): Location | null {
  const [first] = values;
  if (first === undefined) return null;
  if (values.length === 1) return { estimate: first, interval: null, p: null, widening: 1 };
  return values.length < fewestForRanks ? byMean(values, shared) : byRanks(values, shared);
}

function byRanks(values: readonly number[], shared: number): Location {
  const n = values.length;
  const averages = pairAverages(values);
  const at = (index: number) => averages[index] as number;
  const estimate = (at((averages.length - 1) >> 1) + at(averages.length >> 1)) / 2;
  const beyond = signedRanksBeyond(tail, n);
  const [low, high] = [at(beyond - 1), at(averages.length - beyond)];
  const own = serialWidening(values);
  const half = (own * (high - low)) / 2;
  const widening = half === 0 ? own : own * Math.hypot(1, (normalQuantileAbove(tail) * shared) / half);
  const wider = (end: number) => estimate + widening * (end - estimate);
  // Where the widened interval ends at 0, the exact one ends here.
  const zero = estimate * (1 - 1 / widening);
  const notAbove = averages.filter((average) => average <= zero).length;
  const notBelow = averages.filter((average) => average >= zero).length;
  return {
    estimate,
    interval: [wider(low), wider(high)],
    p: Math.min(1, 2 * signedRankAtMost(Math.min(notAbove, notBelow), n)),
    widening,
  };
}

function byMean(values: readonly number[], shared: number): Location {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const error = Math.hypot(Math.sqrt(variance / n), shared);
  const half = studentQuantileAbove(tail, n - 1) * error;
  const p = error === 0 ? (mean === 0 ? 1 : 0) : 2 * studentAbove(Math.abs(mean) / error, n - 1);
  return { estimate: mean, interval: [mean - half, mean + half], p, widening: 1 };
}

function pairAverages(values: readonly number[]): Float64Array {
  const n = values.length;
  const averages = new Float64Array((n * (n + 1)) / 2);
  let index = 0;
  for (const [one, value] of values.entries()) {
    for (let other = one; other < n; other++) averages[index++] = (value + (values[other] as number)) / 2;
  }
  return averages.sort();
}

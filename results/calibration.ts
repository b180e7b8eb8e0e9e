import type { Interval } from './interval.ts';
import { normalAbove, normalQuantileAbove } from './student.ts';

/** What intervals should contain the truth in. */
const claimed = 0.95;
const significance = 0.05;
const power = 0.8;

/** Of runs in which nothing differs, how many intervals contained that, and what this says of the share that do. */
export type Coverage = {
  contained: number;
  runs: number;
  /** 95 %, exact (Clopper and Pearson, Biometrika 26(4), 1934). */
  interval: Interval;
  /** The chance of so few where 95 % of intervals contain the truth. */
  p: number;
};

/** What `contained` of `runs` says of the coverage. */
export function coverageOf(contained: number, runs: number): Coverage {
  const tail = significance / 2;
  return {
    contained,
    runs,
    interval: [
      contained === 0 ? 0 : shareWhere((share) => 1 - binomialAtMost(contained - 1, runs, share) > tail),
      contained === runs ? 1 : shareWhere((share) => binomialAtMost(contained, runs, share) <= tail),
    ],
    p: binomialAtMost(contained, runs, claimed),
  };
}

/** The true coverage that four of five checks of so many runs notice, where they look at `series` coverages together. */
export function noticedCoverage(runs: number, series: number): number {
  let fewest = 0;
  while (fewest < runs && binomialAtMost(fewest, runs, claimed) * series < significance) fewest += 1;
  return fewest === 0 ? 0 : shareWhere((share) => binomialAtMost(fewest - 1, runs, share) < power);
}

/**
 * How far estimates of the same thing, each from a run and a deployment of its own, scatter, in units of what their intervals
 * say: 1 where deployments add nothing. `p` is the chance of as much where they add nothing (chi-squared, by Wilson and
 * Hilferty's approximation, Proceedings of the National Academy of Sciences 17(12), 1931). Null of fewer than two.
 * @param estimates log-ratios of runs in which nothing differs, with the ends of their 95 % intervals.
 */
export function scatterOf(
  estimates: readonly { estimate: number; interval: Interval }[],
): { times: number; p: number } | null {
  const n = estimates.length;
  if (n < 2) return null;
  const half = normalQuantileAbove(significance / 2);
  const sum = estimates.reduce((total, { estimate, interval }) => {
    const error = (interval[1] - interval[0]) / 2 / half;
    return total + (error === 0 ? 0 : (estimate / error) ** 2);
  }, 0);
  const spread = 2 / (9 * n);
  return { times: Math.sqrt(sum / n), p: normalAbove((Math.cbrt(sum / n) - (1 - spread)) / Math.sqrt(spread)) };
}

/** The smallest share, to a millionth, for which something holds that holds for all larger ones. */
function shareWhere(holds: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The chance of at most so many successes of n, each of chance `share`. */
function binomialAtMost(most: number, n: number, share: number): number {
  if (share <= 0) return 1;
  if (share >= 1) return most >= n ? 1 : 0;
  let logTerm = n * Math.log1p(-share);
  let sum = 0;
  for (let successes = 0; successes <= Math.min(most, n); successes++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((n - successes) / (successes + 1)) + Math.log(share / (1 - share));
  }
  return Math.min(1, sum);
}

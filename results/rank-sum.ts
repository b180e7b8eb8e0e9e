import { normalAbove } from './student.ts';

/** From how many pairs of values on the null distribution is that of a normal one. */
const mostExact = 2_500;

/**
 * The chance that Mann and Whitney's statistic (how many of the pairs, one value of each sample, have the first sample's
 * above) is at most `statistic`, where both samples come from one distribution. Exact up to 2,500 pairs, by the coefficients of
 * the Gaussian binomial that counts the ways to mix both; above that normal, corrected for continuity. Mann and
 * Whitney, Annals of Mathematical Statistics 18(1), 1947.
 */
export function rankSumAtMost(statistic: number, m: number, n: number): number {
  const pairs = m * n;
  if (statistic < 0) return 0;
  if (statistic >= pairs) return 1;
  const whole = Math.floor(statistic);
  if (pairs > mostExact) return normalAbove((pairs / 2 - whole - 0.5) / Math.sqrt((pairs * (m + n + 1)) / 12));
  const ways = waysToMix(m, n);
  const sum = (counts: Float64Array) => counts.reduce((total, count) => total + count, 0);
  return sum(ways.subarray(0, whole + 1)) / sum(ways);
}

/** How many differences to leave out at either end of an interval, as many as keep the chance beyond at `tail` or less. */
export function rankSumsBeyond(tail: number, m: number, n: number): number {
  let count = 0;
  while (rankSumAtMost(count, m, n) <= tail) count += 1;
  return count;
}

/** By statistic, in how many ways m and n values mix to it: the product of (1 - x^(n + i)) / (1 - x^i) for i = 1 to m. */
function waysToMix(m: number, n: number): Float64Array {
  const ways = new Float64Array(m * n + 1);
  ways[0] = 1;
  for (let i = 1; i <= m; i++) {
    for (let power = ways.length - 1; power >= n + i; power--)
      ways[power] = (ways[power] as number) - (ways[power - n - i] as number);
    for (let power = i; power < ways.length; power++)
      ways[power] = (ways[power] as number) + (ways[power - i] as number);
  }
  return ways;
}

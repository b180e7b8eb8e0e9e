import { normalAbove } from './student.ts';

/** From how many values on the null distribution is that of a normal one: exact ones cost the cube of their number. */
const mostExact = 100;

/**
 * The chance that Wilcoxon's signed-rank statistic of n values, symmetric about 0, is at most `statistic`. Exact up to 100
 * values (each of the 2^n ways to sign the ranks is as likely as another, counted by recursion over the ranks); above that
 * the normal approximation with the correction for continuity. Wilcoxon, Biometrics Bulletin 1(6), 1945.
 */
export function signedRankAtMost(statistic: number, n: number): number {
  if (statistic < 0) return 0;
  const pairs = (n * (n + 1)) / 2;
  if (statistic >= pairs) return 1;
  if (n <= mostExact) return nullDistribution(n)[Math.floor(statistic)] as number;
  const spread = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24);
  return normalAbove((pairs / 2 - Math.floor(statistic) - 0.5) / spread);
}

/**
 * How many of the n (n + 1) / 2 averages of two values, in their order, to leave out at either end of a confidence interval:
 * as many as keep the chance beyond each end at `tail` or less.
 */
export function signedRanksBeyond(tail: number, n: number): number {
  let count = 0;
  while (signedRankAtMost(count, n) <= tail) count += 1;
  return count;
}

const known = new Map<number, Float64Array>();

/** By statistic, the chance of at most that. */
function nullDistribution(n: number): Float64Array {
  const before = known.get(n);
  if (before !== undefined) return before;
  let chances = Float64Array.of(1);
  for (let rank = 1; rank <= n; rank++) {
    const next = new Float64Array(chances.length + rank);
    for (const [statistic, chance] of chances.entries()) {
      next[statistic] = (next[statistic] as number) + chance / 2;
      next[statistic + rank] = (next[statistic + rank] as number) + chance / 2;
    }
    chances = next;
  }
  let sum = 0;
  const cumulated = chances.map((chance) => {
    sum += chance;
    return sum;
  });
  known.set(n, cumulated);
  return cumulated;
}

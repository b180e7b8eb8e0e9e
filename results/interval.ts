import { expandedInterval, fewestForBootstrap, resampledMedians } from './bootstrap.ts';
import type { Random } from './random.ts';
import { student975 } from './student.ts';

/** Low and high end, both included. */
export type Interval = [low: number, high: number];

/**
 * A 95 % confidence interval of the median of ratios, each above 0, one per block; null for fewer than two. From six blocks
 * on, the expanded percentile bootstrap.
 *
 * Below that, a t interval of the mean logarithm, which takes the noise for lognormal. It is wide, as it must be: from
 * two blocks hardly anything follows.
 */
export function medianInterval(ratios: readonly number[], random: Random): Interval | null {
  if (ratios.length < 2) return null;
  if (ratios.length < fewestForBootstrap) return logStudentInterval(ratios);
  return expandedInterval(resampledMedians(ratios, random), ratios.length);
}

function logStudentInterval(ratios: readonly number[]): Interval {
  const n = ratios.length;
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / n;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (n - 1);
  const half = student975(n - 1) * Math.sqrt(variance / n);
  return [Math.exp(mean - half), Math.exp(mean + half)];
}

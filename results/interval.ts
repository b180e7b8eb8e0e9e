import { nearestRank } from './histogram.ts';
import type { Random } from './random.ts';
import { normalBelow, student975 } from './student.ts';

/** Low and high end, both included. */
export type Interval = [low: number, high: number];

/** Below this, no resampling of the values can give a 95 % interval: it never leaves their range. */
export const fewestForBootstrap = 6;
const resamples = 4_000;

/**
 * A 95 % confidence interval of the median of ratios, each above 0, one per block; null for fewer than two.
 *
 * From six blocks on, the expanded percentile bootstrap (Hesterberg, "What Teachers Should Know about the Bootstrap",
 * The American Statistician 69(4), 2015, section 5.3): percentiles of the medians of resamples, moved outwards as far as
 * a t interval is wider than one that knows the spread. The plain percentile interval covers too seldom with so few
 * blocks; interval.test.ts measures both.
 *
 * Below that, a t interval of the mean logarithm, which takes the noise for lognormal. It is wide, as it must be: from
 * two blocks hardly anything follows.
 */
export function medianInterval(ratios: readonly number[], random: Random): Interval | null {
  if (ratios.length < 2) return null;
  return ratios.length < fewestForBootstrap ? logStudentInterval(ratios) : bootstrapInterval(ratios, random);
}

function logStudentInterval(ratios: readonly number[]): Interval {
  const n = ratios.length;
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / n;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (n - 1);
  const half = student975(n - 1) * Math.sqrt(variance / n);
  return [Math.exp(mean - half), Math.exp(mean + half)];
}

function bootstrapInterval(values: readonly number[], random: Random): Interval {
  const n = values.length;
  const medians = resampledMedians(values, random);
  const tail = normalBelow(-Math.sqrt(n / (n - 1)) * student975(n - 1));
  const at = (q: number) => medians[nearestRank(q, resamples) - 1] as number;
  return [at(tail), at(1 - tail)];
}

/** Medians of resamples with replacement, ascending. */
export function resampledMedians(values: readonly number[], random: Random): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const drawn = new Uint32Array(n);
  // The value at a rank of the resample, from how often each value was drawn: cheaper than sorting the resample.
  const at = (rank: number) => {
    let [index, seen] = [0, drawn[0] as number];
    while (seen <= rank) seen += drawn[++index] as number;
    return sorted[index] as number;
  };
  const medians = Float64Array.from({ length: resamples }, () => {
    drawn.fill(0);
    for (let draw = 0; draw < n; draw++) {
      const index = random.below(n);
      drawn[index] = (drawn[index] as number) + 1;
    }
    return (at((n - 1) >> 1) + at(n >> 1)) / 2;
  });
  return medians.sort();
}

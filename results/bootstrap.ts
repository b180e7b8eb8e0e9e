import { nearestRank } from './histogram.ts';
import type { Random } from './random.ts';
import { normalBelow, student975 } from './student.ts';

/** Below this, no resampling of the values can give a 95 % interval: it never leaves their range. */
export const fewestForBootstrap = 6;
const resamples = 4_000;

/**
 * The 95 % interval of the expanded percentile bootstrap (Hesterberg, "What Teachers Should Know about the Bootstrap",
 * The American Statistician 69(4), 2015, section 5.3): percentiles of a statistic of resamples, moved outwards as far as
 * a t interval is wider than one that knows the spread. The plain percentile interval covers too seldom with so few
 * values; interval.test.ts measures both.
 * @param statistics of the resamples, in any order.
 * @param n how many values each resample has.
 */
export function expandedInterval(statistics: Float64Array, n: number): [low: number, high: number] {
  const sorted = statistics.toSorted();
  const tail = normalBelow(-Math.sqrt(n / (n - 1)) * student975(n - 1));
  const at = (q: number) => sorted[nearestRank(q, sorted.length) - 1] as number;
  return [at(tail), at(1 - tail)];
}

/** A statistic of resamples with replacement, of values of any kind. */
export function resampled<T>(
  values: readonly T[],
  statistic: (resample: readonly T[]) => number,
  random: Random,
): Float64Array {
  const pick = (): T => values[random.below(values.length)] as T;
  return Float64Array.from({ length: resamples }, () => statistic(values.map(pick)));
}

/** Medians of resamples with replacement, in the order in which they were drawn. */
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
  return Float64Array.from({ length: resamples }, () => {
    drawn.fill(0);
    for (let draw = 0; draw < n; draw++) {
      const index = random.below(n);
      drawn[index] = (drawn[index] as number) + 1;
    }
    return (at((n - 1) >> 1) + at(n >> 1)) / 2;
  });
}

import { z } from 'zod';
import { ResultError } from './result-error.ts';

/**
 * How often values occurred, log-bucketed as in DDSketch (Masson, Rim and Lee, PVLDB 12(12), 2019): a value of v
 * nanoseconds is in bucket ceil(log(v) / log(gamma)) with gamma = (1 + relativeError) / (1 - relativeError), and any
 * value of a bucket is within `relativeError` of 2 gamma^index / (gamma + 1) ns. Adding counts merges histograms
 * without any loss. `zero` counts values of 0 and below. `min` and `max` are exact, and null where there is no
 * value.
 */
export const Histogram = z
  .strictObject({
    relativeError: z.number().gt(0).max(0.01),
    unit: z.literal('seconds'),
    zero: z.int().nonnegative(),
    count: z.int().nonnegative(),
    /** Seconds. */
    sum: z.number(),
    /** Seconds. */
    min: z.number().nullable(),
    /** Seconds. */
    max: z.number().nullable(),
    /** Pairs of bucket index and count, in the order of the index. */
    buckets: z.array(z.tuple([z.int(), z.int().positive()])),
  })
  .refine(({ buckets }) => buckets.every(([index], i) => i === 0 || (buckets[i - 1]?.[0] ?? 0) < index), {
    path: ['buckets'],
    error: 'the bucket indices must ascend',
  })
  .refine(({ zero, count, buckets }) => zero + buckets.reduce((sum, [, n]) => sum + n, 0) === count, {
    path: ['count'],
    error: 'count must be the sum of zero and all buckets',
  })
  .refine(
    ({ count, min, max }) => (min === null || max === null ? min === max && count === 0 : min <= max && count > 0),
    {
      path: ['min'],
      error: 'min and max must be there, and in order, exactly where there are values',
    },
  );
export type Histogram = z.infer<typeof Histogram>;

const defaultRelativeError = 0.005;
const nanosecondsPerSecond = 1e9;

/** The histogram of values in seconds. @throws RangeError on a value that is not finite. */
export function histogramOf(values: Iterable<number>, relativeError = defaultRelativeError): Histogram {
  const logGamma = Math.log(gammaOf(relativeError));
  const counts = new Map<number, number>();
  let [zero, count, sum, min, max] = [0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) throw new RangeError(`A histogram cannot hold ${value}`);
    count += 1;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value <= 0) {
      zero += 1;
    } else {
      const index = Math.ceil(Math.log(value * nanosecondsPerSecond) / logGamma);
      counts.set(index, (counts.get(index) ?? 0) + 1);
    }
  }
  const range = count === 0 ? { min: null, max: null } : { min, max };
  return { relativeError, unit: 'seconds', zero, count, sum, ...range, buckets: ascending(counts) };
}

/**
 * One histogram of all values of several; of no histograms, an empty one.
 * @throws ResultError LAB_HISTOGRAMS_DIFFER where they have not the same relative error.
 */
export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const relativeError = histograms[0]?.relativeError ?? defaultRelativeError;
  const different = histograms.find((histogram) => histogram.relativeError !== relativeError);
  if (different !== undefined) {
    throw new ResultError('LAB_HISTOGRAMS_DIFFER', {
      message: `Histograms with relative errors of ${relativeError} and ${different.relativeError} cannot be merged: their buckets differ`,
      remedy: 'Measure again with one version of the generator.',
      exitCode: 5,
    });
  }
  const filled = histograms.filter(({ count }) => count > 0);
  const counts = new Map<number, number>();
  for (const { buckets } of filled) {
    for (const [index, count] of buckets) counts.set(index, (counts.get(index) ?? 0) + count);
  }
  const total = (of: (histogram: Histogram) => number) => filled.reduce((sum, histogram) => sum + of(histogram), 0);
  const range = (pick: (...values: number[]) => number, of: (histogram: Histogram) => number | null) =>
    filled.length === 0 ? null : pick(...filled.map(of).filter((value) => value !== null));
  return {
    relativeError,
    unit: 'seconds',
    zero: total(({ zero }) => zero),
    count: total(({ count }) => count),
    sum: total(({ sum }) => sum),
    min: range(Math.min, ({ min }) => min),
    max: range(Math.max, ({ max }) => max),
    buckets: ascending(counts),
  };
}

/**
 * The value in seconds that a share `q` of all values does not exceed (nearest rank: the ceil(q n)-th smallest), within
 * the histogram's relative error, and exact where it is the smallest or largest; null where there is no value. @throws RangeError unless 0 <= q <= 1.
 */
export function quantile({ relativeError, zero, count, min, max, buckets }: Histogram, q: number): number | null {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile is between 0 and 1, not ${q}`);
  if (count === 0 || min === null || max === null) return null;
  const rank = nearestRank(q, count);
  const clamp = (value: number) => Math.min(max, Math.max(min, value));
  if (rank === 1) return min;
  if (rank === count) return max;
  let seen = zero;
  if (rank <= seen) return clamp(0);
  const gamma = gammaOf(relativeError);
  for (const [index, n] of buckets) {
    seen += n;
    if (rank <= seen) return clamp((2 * gamma ** index) / (gamma + 1) / nanosecondsPerSecond);
  }
  return max;
}

/** The rank of a quantile among `count` values, from 1. 0.07 * 100 is a hair over 7, and yet its rank is 7. */
export function nearestRank(q: number, count: number): number {
  return Math.min(count, Math.max(1, Math.ceil(q * count * (1 - Number.EPSILON))));
}

function gammaOf(relativeError: number): number {
  return (1 + relativeError) / (1 - relativeError);
}

function ascending(counts: Map<number, number>): [number, number][] {
  return [...counts].sort(([one], [other]) => one - other);
}

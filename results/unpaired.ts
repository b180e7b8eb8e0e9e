import { nearestRank } from './histogram.ts';
import type { Interval } from './interval.ts';
import { median } from './median.ts';
import type { Random } from './random.ts';
import { normalBelow, student975 } from './student.ts';

const resamples = 4_000;

/** The ratio of two medians with its 95 % interval; null where there is none. */
export type Unpaired = { ratio: number | null; interval: Interval | null };

/**
 * Compares values that were not measured side by side, so that nothing pairs them: what drifts between the two is in the
 * ratio. The interval is the expanded percentile bootstrap over both (see `interval.ts`), of the smaller one's size; null
 * below six values of either.
 */
export function unpaired(values: readonly number[], baseline: readonly number[], random: Random): Unpaired {
  const [of, to] = [median(values), median(baseline)];
  if (of === null || to === null || to <= 0) return { ratio: null, interval: null };
  const n = Math.min(values.length, baseline.length);
  if (n < 6) return { ratio: of / to, interval: null };
  const drawn = (from: readonly number[]): number =>
    median(Array.from(from, () => from[random.below(from.length)] as number)) as number;
  const ratios = Float64Array.from({ length: resamples }, () => drawn(values) / drawn(baseline)).sort();
  const tail = normalBelow(-Math.sqrt(n / (n - 1)) * student975(n - 1));
  const at = (q: number): number => ratios[nearestRank(q, resamples) - 1] as number;
  return { ratio: of / to, interval: [at(tail), at(1 - tail)] };
}

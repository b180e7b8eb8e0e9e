import { expandedInterval, fewestForBootstrap, resampledMedians } from './bootstrap.ts';
import type { Interval } from './interval.ts';
import { median } from './median.ts';
import type { Random } from './random.ts';

/** The ratio of two medians with its 95 % interval; null where there is none. */
export type Unpaired = { ratio: number | null; interval: Interval | null };

/**
 * Compares values that were not measured side by side, so that nothing pairs them: what drifts between the two is in the
 * ratio. The interval is the expanded percentile bootstrap over both, of the smaller one's size; null below six values of
 * either.
 */
export function unpaired(values: readonly number[], baseline: readonly number[], random: Random): Unpaired {
  const [of, to] = [median(values), median(baseline)];
  if (of === null || to === null || to <= 0) return { ratio: null, interval: null };
  const n = Math.min(values.length, baseline.length);
  if (n < fewestForBootstrap) return { ratio: of / to, interval: null };
  const [ours, theirs] = [resampledMedians(values, random), resampledMedians(baseline, random)];
  return {
    ratio: of / to,
    interval: expandedInterval(
      ours.map((one, draw) => one / (theirs[draw] as number)),
      n,
    ),
  };
}

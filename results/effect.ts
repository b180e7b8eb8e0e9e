import type { Interval } from './interval.ts';
import type { Location } from './location.ts';
import type { Effect, Estimate } from './row.ts';
import { normalQuantileAbove } from './student.ts';

/** A ratio as a row has it. Its family is not known yet: `withFamilies` completes it. */
export function effectOf(
  { estimate, interval, p, widening }: Location,
  { n, isBaseline }: { n: number; isBaseline: boolean },
): Effect {
  const few = interval === null ? 'an interval takes two passes, and six where they are not pairs' : null;
  return {
    ratio: estimate,
    interval,
    n,
    p: isBaseline ? null : p,
    adjustedP: null,
    finding: null,
    minimumDetectableEffect: null,
    widening,
    reason: isBaseline ? 'it is what the others are compared to' : few,
  };
}

/** No ratio, and why. */
export function missingEffect(reason: string, n = 0): Effect {
  return {
    ...{ ratio: null, interval: null, n, p: null, adjustedP: null, finding: null },
    ...{ minimumDetectableEffect: null, widening: null, reason },
  };
}

/** A value and its interval, made wider by what all blocks have in common, of that standard error. */
export function estimateOf(value: number, [low, high]: Interval, shared: number): Estimate {
  const more = normalQuantileAbove(0.025) * shared;
  return {
    value,
    interval: [value - Math.hypot(value - low, more), value + Math.hypot(high - value, more)],
    reason: null,
  };
}

/** No value, and why. */
export function missingEstimate(reason: string): Estimate {
  return { value: null, interval: null, reason };
}

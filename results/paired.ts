import { type Location, locationOf } from './location.ts';

/** One value by pass, for the passes that have one. */
export type ByPass = ReadonlyMap<number, number>;

/** What one series of a test case is relative to the same series of the baseline, pass by pass. */
export type Paired = {
  /** How many passes have both. */
  pairs: number;
  /** Of value / baseline; null without pairs, and where one of them is not above 0: a ratio means nothing there. */
  ratio: Location | null;
  /** Of value - baseline, in the metric's unit; null without pairs. */
  difference: Location | null;
};

/**
 * Compares pass by pass, so that what disturbs the machine for longer than a pass falls out. Passes that only one side
 * has do not count. Ratios are taken as logarithms, in which twice and half are as far from 1.
 * @param shifted both sides once more, as they would be with something that all blocks have in common one standard error
 * larger: the idle cluster's share, say.
 */
export function paired(
  values: ByPass,
  baseline: ByPass,
  shifted: { values: ByPass; baseline: ByPass } = { values, baseline },
): Paired {
  const pairs = pairsOf(values, baseline);
  const others = pairsOf(shifted.values, shifted.baseline);
  const isPositive = [...pairs, ...others].every(([value, base]) => value > 0 && base > 0);
  const location = (of: (pair: Pair) => number): Location | null =>
    locationOf(pairs.map(of), Math.abs(mean(others.map(of)) - mean(pairs.map(of))));
  return {
    pairs: pairs.length,
    ratio: isPositive ? asRatio(location(([value, base]) => Math.log(value / base))) : null,
    difference: location(([value, base]) => value - base),
  };
}

type Pair = readonly [value: number, baseline: number];

/** In the order of the passes. */
function pairsOf(values: ByPass, baseline: ByPass): Pair[] {
  const ordered = [...values].sort(([one], [other]) => one - other);
  return ordered.flatMap(([pass, value]): Pair[] => {
    const base = baseline.get(pass);
    return base === undefined ? [] : [[value, base]];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Back from logarithms. */
export function asRatio(location: Location | null): Location | null {
  if (location === null) return null;
  const { estimate, interval } = location;
  return {
    ...location,
    estimate: Math.exp(estimate),
    interval: interval === null ? null : [Math.exp(interval[0]), Math.exp(interval[1])],
  };
}

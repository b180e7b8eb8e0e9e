import { fewestForRanks, type Location } from './location.ts';
import { asRatio } from './paired.ts';
import { rankSumAtMost, rankSumsBeyond } from './rank-sum.ts';

const tail = 0.025;

/**
 * The ratio of values to others that were not measured side by side, so that nothing pairs them: what drifts between the two
 * is in it. Hodges and Lehmann's estimate (the median of all differences of logarithms) with the exact interval of Mann and
 * Whitney's test; no interval below six values of either. Null where there are none, or one is not above 0.
 */
export function unpaired(values: readonly number[], baseline: readonly number[]): Location | null {
  const [m, n] = [values.length, baseline.length];
  if (m === 0 || n === 0 || [...values, ...baseline].some((value) => value <= 0)) return null;
  const differences = Float64Array.from(
    values.flatMap((value) => baseline.map((base) => Math.log(value / base))),
  ).sort();
  const at = (index: number) => differences[index] as number;
  const estimate = (at((differences.length - 1) >> 1) + at(differences.length >> 1)) / 2;
  if (Math.min(m, n) < fewestForRanks) return asRatio({ estimate, interval: null, p: null, widening: 1 });
  const beyond = rankSumsBeyond(tail, m, n);
  const notAbove = differences.filter((difference) => difference <= 0).length;
  const notBelow = differences.filter((difference) => difference >= 0).length;
  return asRatio({
    estimate,
    interval: [at(beyond - 1), at(differences.length - beyond)],
    p: Math.min(1, 2 * rankSumAtMost(Math.min(notAbove, notBelow), m, n)),
    widening: 1,
  });
}

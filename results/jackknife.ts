import type { Interval } from './interval.ts';
import { studentQuantileAbove } from './student.ts';

const tail = 0.025;

/**
 * A 95 % interval of a figure of all blocks together, each block left out once (Tukey's jackknife; Efron and Stein, Annals of
 * Statistics 9(3), 1981). Of a figure above 0 it is taken of the logarithm, so that it stays above 0 too. Null for fewer than
 * two blocks, or where the figure is missing without one of them.
 */
export function jackknife<T>(blocks: readonly T[], measure: (blocks: readonly T[]) => number | null): Interval | null {
  const n = blocks.length;
  const whole = measure(blocks);
  if (n < 2 || whole === null) return null;
  const without = blocks.map((_, out) => measure(blocks.filter((_, index) => index !== out)));
  if (without.some((value) => value === null)) return null;
  const values = without as number[];
  const positive = whole > 0 && values.every((value) => value > 0);
  const scaled = positive ? values.map(Math.log) : values;
  const mean = scaled.reduce((sum, value) => sum + value, 0) / n;
  const squares = scaled.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = studentQuantileAbove(tail, n - 1) * Math.sqrt(((n - 1) / n) * squares);
  return positive ? [whole * Math.exp(-half), whole * Math.exp(half)] : [whole - half, whole + half];
}

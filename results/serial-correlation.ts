/** More would be said of the machine than a run's few values can show. */
const mostCorrelation = 0.6;

/**
 * The correlation of the ranks of values with those of their neighbours, as the values were measured, corrected for that few
 * values show too little of it (Kendall, Biometrika 41(3/4), 1954): 0 to 0.6. Of ranks, so that a single outlier does not hide it.
 */
export function serialCorrelation(values: readonly number[]): number {
  const n = values.length;
  const ranks = centredRanks(values);
  let [together, alone] = [0, 0];
  for (const [index, rank] of ranks.entries()) {
    together += rank * (ranks[index + 1] ?? 0);
    alone += rank ** 2;
  }
  const seen = alone === 0 ? 0 : together / alone;
  return Math.min(mostCorrelation, Math.max(0, seen + (1 + 3 * seen) / n));
}

/**
 * By what an interval that takes the values for independent is too narrow where each is like the one before it: the spread of
 * the mean of a first-order autoregressive series is that much larger.
 */
export function serialWidening(values: readonly number[]): number {
  const correlation = serialCorrelation(values);
  return Math.sqrt((1 + correlation) / (1 - correlation));
}

/** Ranks less their mean, in the order of the values; equal values share theirs. */
function centredRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (values.length - 1) / 2;
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 - middle);
}

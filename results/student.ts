/**
 * The share of Student's t distribution above t, for a whole number of degrees of freedom (Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 26.7.3 and 26.7.4).
 */
export function studentAbove(t: number, degreesOfFreedom: number): number {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(degreesOfFreedom));
  const cosine = Math.cos(angle);
  const isOdd = degreesOfFreedom % 2 === 1;
  let [term, sum] = [isOdd ? cosine : 1, 0];
  for (let power = isOdd ? 1 : 0; power <= degreesOfFreedom - 2; power += 2) {
    sum += term;
    term *= (cosine ** 2 * (power + 1)) / (power + 2);
  }
  const within = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  return t > 0 ? (1 - within) / 2 : (1 + within) / 2;
}

/** The t above which a share `tail`, between 0 and a half, of the distribution lies. */
export function studentQuantileAbove(tail: number, degreesOfFreedom: number): number {
  return pointAbove(tail, (t) => studentAbove(t, degreesOfFreedom));
}

/**
 * The share of a standard normal distribution above z, correct to 1e-7 (Abramowitz and Stegun, 26.2.17; Hastings, 1955).
 */
export function normalAbove(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z > 0 ? density * polynomial : 1 - density * polynomial;
}

/** The z above which a share `tail`, between 0 and a half, of a standard normal distribution lies. */
export function normalQuantileAbove(tail: number): number {
  return pointAbove(tail, normalAbove);
}

const mostHalvings = 200;

/** Where a falling function from a half at 0 on reaches that value, by halving. */
function pointAbove(tail: number, above: (x: number) => number): number {
  let [low, high] = [0, 1];
  while (above(high) > tail) [low, high] = [high, 2 * high];
  for (let halving = 0; halving < mostHalvings && high - low > Number.EPSILON * high; halving++) {
    const middle = (low + high) / 2;
    if (above(middle) > tail) low = middle;
    else high = middle;
  }
  return high;
}

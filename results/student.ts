/** The normal distribution's own 97.5 % quantile. */
const normal975 = 1.959963984540054;

/** Student's t for 1 to 4 degrees of freedom, where the expansion below is not good enough. */
const few = [12.7062, 4.30265, 3.18245, 2.77645];

/**
 * The 97.5 % quantile of Student's t distribution, correct to 0.003. Above 4 degrees of freedom by the Cornish-Fisher
 * expansion (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5).
 */
export function student975(degreesOfFreedom: number): number {
  const exact = few[degreesOfFreedom - 1];
  if (exact !== undefined) return exact;
  const z = normal975;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degreesOfFreedom + second / degreesOfFreedom ** 2 + third / degreesOfFreedom ** 3;
}

/**
 * The share of a standard normal distribution below z, correct to 1e-7 (Abramowitz and Stegun, 26.2.17; Hastings, 1955).
 */
export function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z > 0 ? 1 - density * polynomial : density * polynomial;
}

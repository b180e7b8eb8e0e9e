import { locationOf } from '../location.ts';
import { type Random, random } from '../random.ts';

/** How the log-ratios of the passes of one run scatter about the truth; both spreads are shares. */
export type Noise = {
  name: string;
  /** Standard deviation of what every pass has. */
  spread: number;
  /** One pass in ten has another disturbance of up to this, of one side or the other. */
  spike: number;
};

/** As p50, and as p99, of two equal test cases on a shared machine of two cores; and hiccups of one side. */
export const noises: readonly Noise[] = [
  { name: '8.5 % noise', spread: 0.085, spike: 0 },
  { name: '54 % noise', spread: 0.54, spike: 0 },
  { name: '5 % noise with spikes', spread: 0.05, spike: 1 },
];

const spikes = 0.1;

/** Log-ratios about `truth` of passes in their order, each correlated with the one before it (first-order autoregressive). */
export function logRatios(
  source: Random,
  { spread, spike }: Noise,
  { passes, correlation, truth = 0 }: { passes: number; correlation: number; truth?: number },
): number[] {
  let common = source.normal();
  return Array.from({ length: passes }, (_, pass) => {
    if (pass > 0) common = correlation * common + Math.sqrt(1 - correlation ** 2) * source.normal();
    const hiccup = source.uniform() < spikes ? spike * (2 * source.uniform() - 1) : 0;
    return truth + spread * common + hiccup;
  });
}

/** Of simulated runs in which nothing differs: the share whose interval contains that, and the mean width of the interval. */
export function simulatedCoverage(
  noise: Noise,
  { passes, correlation, runs, seed }: { passes: number; correlation: number; runs: number; seed: number },
): { coverage: number; width: number } {
  const source = random(seed);
  let [covered, width] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const [low, high] = locationOf(logRatios(source, noise, { passes, correlation }))?.interval ?? [1, -1];
    if (low <= 0 && high >= 0) covered += 1;
    width += high - low;
  }
  return { coverage: covered / runs, width: width / runs };
}

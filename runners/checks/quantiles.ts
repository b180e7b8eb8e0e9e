import { formatDuration } from '../../results/format.ts';
import { nearestRank } from '../../results/histogram.ts';
import type { Finding, Target } from './finding.ts';

/** The quantile of durations by nearest rank; null of none. */
export function quantileOf(seconds: readonly number[], q: number): number | null {
  const sorted = Float64Array.from(seconds).sort();
  return sorted.length === 0 ? null : (sorted[nearestRank(q, sorted.length) - 1] ?? null);
}

/** Findings of durations, in seconds: their p50 and p99, each with the most that it may be, and their maximum. */
export function durationFindings(
  what: string,
  seconds: readonly number[],
  { p50 = null, p99 = null }: { p50?: number | null; p99?: number | null } = {},
): Finding[] {
  const finding = (name: string, value: number | null, most: number | null): Finding => {
    const target: Target | null = most === null ? null : { atMost: most, by: 'value' };
    const text = value === null ? '–' : formatDuration(value);
    return { name: `${what}, ${name}`, value, text, interval: null, target };
  };
  return [
    finding('p50', quantileOf(seconds, 0.5), p50),
    finding('p99', quantileOf(seconds, 0.99), p99),
    finding(`longest of ${seconds.length}`, quantileOf(seconds, 1), null),
  ];
}

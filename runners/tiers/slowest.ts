import type { TestDuration } from './tier.ts';

/** What is less is shown as no time at all. */
const leastSeconds = 0.05;

/** A table of the tests that took longest, the longest first; empty where none took time worth showing. */
export function slowestTests(durations: readonly TestDuration[], count: number): string {
  const slowest = durations
    .filter(({ seconds }) => seconds >= leastSeconds)
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, count);
  if (slowest.length === 0) return '';
  const width = Math.max(...slowest.map(({ file }) => file.length));
  const lines = slowest.map(
    ({ file, name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file.padEnd(width)}  ${name}\n`,
  );
  return `The slowest tests:\n${lines.join('')}\n`;
}

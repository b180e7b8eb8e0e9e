/** Envoy's counters and gauges by their full names, from `/stats` of the admin interface. Histograms are left out. */
export function parseStatistics(text: string): ReadonlyMap<string, number> {
  const statistics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^(.+): (\d+)$/.exec(line) ?? [];
    if (name !== undefined) statistics.set(name, Number(value));
  }
  return statistics;
}

/** The sum of all statistics whose whole name matches. */
export function sumOf(statistics: ReadonlyMap<string, number>, name: RegExp): number {
  let sum = 0;
  for (const [candidate, value] of statistics) if (name.test(candidate)) sum += value;
  return sum;
}

/** Counters and gauges of an Envoy by their full names. */
export type Statistics = ReadonlyMap<string, number>;

/** Envoy's counters and gauges by their full names, from `/stats` of the admin interface. Histograms are left out. */
export function parseStatistics(text: string): Statistics {
  const statistics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^(.+): (\d+)$/.exec(line) ?? [];
    if (name !== undefined) statistics.set(name, Number(value));
  }
  return statistics;
}

/** One statistic; null where there is none of that name, or where no statistics could be had. */
export function statistic(statistics: Statistics | null, name: string): number | null {
  return statistics?.get(name) ?? null;
}

/**
 * The sum of the statistics named and of all others that match. Null where one of those named is missing: it has another
 * name by now, and what it counted would not be in the sum.
 * @param names those that are known to exist, as soon as Envoy has its configuration.
 */
export function sumOf(statistics: Statistics | null, names: readonly string[], also: RegExp): number | null {
  if (statistics === null || names.some((name) => !statistics.has(name))) return null;
  const all = new Set([...names, ...[...statistics.keys()].filter((name) => also.test(name))]);
  return [...all].reduce((sum, name) => sum + (statistics.get(name) ?? 0), 0);
}

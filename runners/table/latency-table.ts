import { formatDuration } from '../../results/format.ts';
import { plainTable } from './plain-table.ts';
import { nameOf, type Paint, type RowGroup, ratioOf, ratioToFirstStageOf, shownValue } from './row-group.ts';

const quantiles = [0.5, 0.9, 0.99, 0.999];

/** Latencies, and what a test case adds to the p50 of `none`. */
export function latencyTable(groups: readonly RowGroup[], paint: Paint): string {
  const staged = groups.some(({ rows }) => rows.some(({ ratioToFirstStage }) => ratioToFirstStage !== null));
  const table = plainTable([
    'test case',
    ...quantiles.map((q) => `p${q * 100}`),
    'p50 to none',
    '95 % interval',
    'added to p50',
    ...(staged ? ['to first stage', '95 % interval'] : []),
  ]);
  for (const group of groups) {
    const latency = (q: number) =>
      group.rows.find((row) => row.metric === 'request_duration_seconds' && row.quantile === q);
    const added = latency(0.5)?.addedToNone ?? null;
    table.push([
      nameOf(group, paint),
      ...quantiles.map((q) => shownValue(latency(q))),
      ...ratioOf(latency(0.5), paint),
      added === null ? '–' : formatDuration(added),
      ...(staged ? ratioToFirstStageOf(latency(0.5), paint) : []),
    ]);
  }
  return table.toString();
}

import { plainTable } from './plain-table.ts';
import { nameOf, type Paint, type RowGroup, ratioOf, ratioToFirstStageOf, shownValue } from './row-group.ts';

/** How much was done in a second, of the metric that answers the question. */
export function rateTable(groups: readonly RowGroup[], metric: string, paint: Paint): string {
  const staged = groups.some(({ rows }) => rows.some(({ ratioToFirstStage }) => ratioToFirstStage !== null));
  const table = plainTable([
    metric.replaceAll('_', ' '),
    'rate',
    'to none',
    '95 % interval',
    ...(staged ? ['to first stage', '95 % interval'] : []),
  ]);
  for (const group of groups) {
    const rate = group.rows.find((row) => row.metric === metric);
    table.push([
      nameOf(group, paint),
      shownValue(rate),
      ...ratioOf(rate, paint),
      ...(staged ? ratioToFirstStageOf(rate, paint) : []),
    ]);
  }
  return table.toString();
}

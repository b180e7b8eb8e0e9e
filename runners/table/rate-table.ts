import { plainTable } from './plain-table.ts';
import { detectable, isStaged, nameOf, type Paint, type RowGroup, shownEffect, shownValue } from './row-group.ts';

/** How much was done in a second, of the metric that answers the question. */
export function rateTable(groups: readonly RowGroup[], metric: string, paint: Paint): string {
  const staged = isStaged(groups);
  const table = plainTable([
    metric.replaceAll('_', ' '),
    'rate',
    'to none',
    '95 % interval',
    ...(staged ? ['to first stage', '95 % interval'] : []),
  ]);
  const rateOf = ({ rows }: RowGroup) => rows.find((row) => row.metric === metric);
  for (const group of groups) {
    const rate = rateOf(group);
    table.push([
      nameOf(group, paint),
      shownValue(rate),
      ...shownEffect(rate?.toNone, paint),
      ...(staged ? shownEffect(rate?.toFirstStage, paint) : []),
    ]);
  }
  return `${table.toString()}\n${detectable(groups.map((group) => rateOf(group)?.toNone))}`;
}

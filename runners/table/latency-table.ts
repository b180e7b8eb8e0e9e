import type { Row } from '../../results/row.ts';
import { plainTable } from './plain-table.ts';
import {
  detectable,
  isStaged,
  nameOf,
  type Paint,
  type RowGroup,
  shownAdded,
  shownEffect,
  shownValue,
} from './row-group.ts';

const quantiles = [0.5, 0.9, 0.99, 0.999];

/** Latencies of one metric by quantile, and what a test case adds to the p50 of `none`. `heading` says whose view it is. */
export function latencyTable(
  groups: readonly RowGroup[],
  { metric, heading }: { metric: string; heading: string },
  paint: Paint,
): string {
  const staged = isStaged(groups);
  const table = plainTable([
    heading,
    ...quantiles.map((q) => `p${q * 100}`),
    'p50 to none',
    '95 % interval',
    'added to p50',
    '95 % interval',
    ...(staged ? ['to first stage', '95 % interval'] : []),
  ]);
  const rowOf = ({ rows }: RowGroup, q: number): Row | undefined =>
    rows.find((row) => row.metric === metric && row.quantile === q);
  for (const group of groups) {
    const middle = rowOf(group, 0.5);
    table.push([
      nameOf(group, paint),
      ...quantiles.map((q) => shownValue(rowOf(group, q))),
      ...shownEffect(middle?.toNone, paint),
      ...shownAdded(middle),
      ...(staged ? shownEffect(middle?.toFirstStage, paint) : []),
    ]);
  }
  return `${table.toString()}\n${detectable(groups.map((group) => rowOf(group, 0.5)?.toNone))}`;
}

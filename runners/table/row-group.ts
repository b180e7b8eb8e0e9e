import type { styleText } from 'node:util';
import type { Row } from '../../results/comparison.ts';
import { formatInterval, formatRatio, formatValue } from '../../results/format.ts';
import type { Metric } from '../../results/metrics.ts';

/** Colours text on a terminal, and leaves it as it is elsewhere. */
export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** All rows of one test case. */
export type RowGroup = { id: string; rows: readonly Row[] };

/** The rows by test case, in their order. */
export function groupsOf(rows: readonly Row[]): RowGroup[] {
  const byCase = new Map<string, Row[]>();
  for (const row of rows) byCase.set(row.testCase, [...(byCase.get(row.testCase) ?? []), row]);
  return [...byCase].map(([id, own]) => ({ id, rows: own }));
}

/** The test case as a table names it. */
export function nameOf({ id, rows }: RowGroup, paint: Paint): string {
  const bound = rows.some(({ generatorBound }) => generatorBound) ? ' (generator-bound)' : '';
  return rows.every(({ valid }) => valid) ? `${id}${bound}` : paint('red', `${id} (invalid)`);
}

/** A row's value; a dash where there is no such row. */
export function shownValue(row: Row | undefined): string {
  return formatValue(row?.value ?? null, (row?.unit ?? 'seconds') as Metric['unit']);
}

/** Its ratio to `none` and the interval, coloured where that excludes 1: only then is a difference worth a colour. */
export function ratioOf(row: Row | undefined, paint: Paint): [ratio: string, interval: string] {
  return cells(row?.ratioToNone ?? null, row?.interval ?? null, paint);
}

/** Its ratio to the run's first stage, and the interval. */
export function ratioToFirstStageOf(row: Row | undefined, paint: Paint): [ratio: string, interval: string] {
  return cells(row?.ratioToFirstStage ?? null, row?.intervalToFirstStage ?? null, paint);
}

function cells(ratio: number | null, interval: Row['interval'], paint: Paint): [string, string] {
  const text = formatRatio(ratio);
  const differs = interval !== null && (interval[0] > 1 || interval[1] < 1);
  return [differs ? paint('yellow', text) : text, formatInterval(interval)];
}

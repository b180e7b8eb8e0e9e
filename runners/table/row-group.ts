import type { styleText } from 'node:util';
import { formatInterval, formatRatio, formatShare, formatValue } from '../../results/format.ts';
import type { Metric } from '../../results/metrics.ts';
import type { Effect, Row } from '../../results/row.ts';

/** Colours text on a terminal, and leaves it as it is elsewhere. */
export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** All rows of one test case. */
export type RowGroup = { id: string; rows: readonly Row[] };

/** The rows by test case, in their order. */
export function groupsOf(rows: readonly Row[]): RowGroup[] {
  return [...Map.groupBy(rows, ({ testCase }) => testCase)].map(([id, own]) => ({ id, rows: own }));
}

/** The test case as a table names it. */
export function nameOf({ id, rows }: RowGroup, paint: Paint): string {
  const bound = rows.some(({ generatorBound }) => generatorBound) ? ' (generator-bound)' : '';
  return rows.every(({ valid }) => valid) ? `${id}${bound}` : paint('red', `${id} (invalid)`);
}

/** A row's value; a dash where there is no such row. */
export function shownValue(row: Row | undefined): string {
  return formatValue(row?.value.value ?? null, (row?.unit ?? 'seconds') as Metric['unit']);
}

/** What it is more than that of `none`, in its unit, and the interval; dashes where there are none. */
export function shownAdded(row: Row | undefined): [added: string, interval: string] {
  const unit = (row?.unit ?? 'seconds') as Metric['unit'];
  const { value, interval } = row?.addedToNone ?? { value: null, interval: null };
  const isBaseline = value === 0 && interval?.[0] === 0 && interval[1] === 0;
  if (value === null || isBaseline) return ['–', '–'];
  return [formatValue(value, unit), interval?.map((end) => formatValue(end, unit)).join(' to ') ?? '–'];
}

/**
 * A ratio and its interval: coloured where the table's comparisons together show a difference, and where they show none, how
 * large one may be at the most.
 */
export function shownEffect(effect: Effect | undefined, paint: Paint): [ratio: string, interval: string] {
  if (effect === undefined) return ['–', '–'];
  const { ratio, interval, finding, p } = effect;
  if (ratio === 1 && interval?.[0] === 1 && interval[1] === 1 && p === null) return ['baseline', '–'];
  if (finding === 'no difference found' && interval !== null) {
    const largest = Math.max(interval[1], 1 / interval[0]) - 1;
    return [`no difference above ${formatShare(largest)}`, formatInterval(interval)];
  }
  const text = finding === 'undecided' ? `${formatRatio(ratio)} ?` : formatRatio(ratio);
  const isFound = finding === 'better' || finding === 'worse';
  return [isFound ? paint('yellow', text) : text, formatInterval(interval)];
}

/** Whether any row was compared to the run's first stage. */
export function isStaged(groups: readonly RowGroup[]): boolean {
  return groups.some(({ rows }) => rows.some(({ toFirstStage }) => toFirstStage.ratio !== null));
}

/** What comparisons such as these could have found, for the line below their table; empty where nothing was compared. */
export function detectable(effects: readonly (Effect | undefined)[]): string {
  const compared = effects.filter((effect) => effect !== undefined && effect.adjustedP !== null);
  const found = compared.flatMap((effect) => effect?.minimumDetectableEffect ?? []);
  const doubt = compared.some((effect) => effect?.finding === 'undecided')
    ? '“?”: alone it differs, among all comparisons of its column it may be chance. More blocks decide it.\n'
    : '';
  if (found.length === 0) return doubt;
  const range = [...new Set([Math.min(...found), Math.max(...found)].map(formatShare))].join(' to ');
  return `${doubt}Four of five such runs find a difference to none of ${range} or more.\n`;
}

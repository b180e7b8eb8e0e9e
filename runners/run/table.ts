import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Comparison, Row } from '../../results/comparison.ts';
import { formatDuration, formatInterval, formatRatio, formatValue } from '../../results/format.ts';
import { median } from '../../results/median.ts';
import type { Run } from '../../results/run.ts';
import { testCaseId } from '../../results/test-case.ts';
import { warnings } from '../../results/validity.ts';

type Unit = Parameters<typeof formatValue>[1];

/** The comparison for people: a table of latencies and CPU time for each placement, in colour on a terminal. */
export function renderComparison(run: Run, { rows }: Comparison, stream: Writable): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    styleText(format, text, { stream, validateStream: true });
  const placements = [...new Set(rows.map(({ placement }) => placement))];
  const tables = placements.map((placement) => {
    const here = rows.filter((row) => row.placement === placement);
    const title = `${run.scenario}, ${placement}: ${run.options.rate ?? 'as many as it takes'} requests/s over ${run.options.connections} connections, ${run.options.blocks} blocks of ${run.options.seconds} s`;
    return `${paint('bold', title)}\n${latencyTable(here, paint)}\n${cpuTable(here, paint)}\n`;
  });
  return `${tables.join('\n')}${notes(run, rows, paint)}`;
}

type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

function latencyTable(rows: readonly Row[], paint: Paint): string {
  const quantiles = [0.5, 0.9, 0.99, 0.999];
  const table = plainTable([
    'test case',
    ...quantiles.map((q) => `p${q * 100}`),
    'p50 to none',
    '95 % interval',
    'added to p50',
  ]);
  for (const [id, own] of groups(rows)) {
    const latency = (q: number) => own.find((row) => row.metric === 'request_duration_seconds' && row.quantile === q);
    const median = latency(0.5);
    const ratio = formatRatio(median?.ratioToNone ?? null);
    table.push([
      nameOf(id, own, paint),
      ...quantiles.map((q) => formatValue(latency(q)?.value ?? null, 'seconds')),
      differs(median) ? paint('yellow', ratio) : ratio,
      formatInterval(median?.interval ?? null),
      median?.addedToNone === null || median === undefined ? '–' : formatDuration(median.addedToNone),
    ]);
  }
  return table.toString();
}

function cpuTable(rows: readonly Row[], paint: Paint): string {
  const roles = ['generator', 'workload', 'proxy', 'control', 'kernel'] as const;
  const table = plainTable(['CPU per request', 'all', 'to none', '95 % interval', ...roles, 'achieved', 'failed']);
  for (const [id, own] of groups(rows)) {
    const cpu = (role: Row['role']) => own.find((row) => row.metric === 'cpu_seconds_per_request' && row.role === role);
    const other = (metric: string) => own.find((row) => row.metric === metric);
    const show = (row: Row | undefined): string => formatValue(row?.value ?? null, (row?.unit ?? 'seconds') as Unit);
    const ratio = formatRatio(cpu(null)?.ratioToNone ?? null);
    table.push([
      nameOf(id, own, paint),
      show(cpu(null)),
      differs(cpu(null)) ? paint('yellow', ratio) : ratio,
      formatInterval(cpu(null)?.interval ?? null),
      ...roles.map((role) => show(cpu(role))),
      show(other('requests_per_second')),
      show(other('requests_failed_ratio')),
    ]);
  }
  return table.toString();
}

// What makes a row invalid, what must be said beside it, and what the generator itself costs.
function notes(run: Run, rows: readonly Row[], paint: Paint): string {
  const lines: string[] = [];
  for (const [id, own] of groups(rows)) {
    const reason = own.find(({ valid }) => !valid)?.reason;
    if (reason !== undefined && reason !== null) lines.push(`${paint('red', `INVALID ${id}`)}: ${reason}`);
  }
  for (const testCase of run.testCases) {
    for (const warning of warnings(testCase, run)) {
      lines.push(`${testCase.id}: ${warning}`);
    }
  }
  if (rows.every(({ ratioToNone }) => ratioToNone === null)) {
    lines.push('Nothing is compared to none: it was not measured, or is not valid itself.');
  }
  lines.push(...generatorNote(run, rows));
  if (run.status.state !== 'finished') lines.push(paint('red', `This run was ${describe(run.status)}.`));
  return `${lines.join('\n')}\n`;
}

/** What the generator itself took and added: at 1000/s it costs as much CPU time as a proxy does. */
function generatorNote({ generator, testCases }: Run, rows: readonly Row[]): string[] {
  const cores = groups(rows).flatMap(([, own]) => {
    const perRequest = own.find((row) => row.metric === 'cpu_seconds_per_request' && row.role === 'generator')?.value;
    const rate = own.find((row) => row.metric === 'requests_per_second')?.value;
    return perRequest && rate ? [perRequest * rate] : [];
  });
  const lateness = testCases.flatMap(({ outcome }) =>
    outcome.state === 'measured' ? outcome.blocks.flatMap(({ arrivals }) => arrivals?.lateness?.p50 ?? []) : [],
  );
  const late = median(lateness);
  if (cores.length === 0 || late === null) return [];
  return [
    `The generator (${generator}) itself took ${range(cores)} of a core, and sent the median request ` +
      `${formatDuration(late)} after the instant at which it was due: latencies contain that.`,
  ];
}

function range(values: readonly number[]): string {
  return [...new Set([Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2)))].join(' to ');
}

function describe(status: Run['status']): string {
  return status.state === 'failed' ? `cut short: ${status.reason}` : status.state;
}

function groups(rows: readonly Row[]): [string, Row[]][] {
  const byCase = new Map<string, Row[]>();
  for (const row of rows) {
    const id = testCaseId(row);
    byCase.set(id, [...(byCase.get(id) ?? []), row]);
  }
  return [...byCase];
}

function nameOf(id: string, rows: readonly Row[], paint: Paint): string {
  return rows.every(({ valid }) => valid) ? id : paint('red', `${id} (invalid)`);
}

/** Whether the interval excludes 1: only then is a difference worth a colour. */
function differs(row: Row | undefined): boolean {
  if (row === undefined || row.interval === null) return false;
  return row.interval[0] > 1 || row.interval[1] < 1;
}

/** A table without lines: names to the left, figures to the right. */
export function plainTable(head: string[]) {
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'].map((edge) => [
      edge,
      '',
    ]),
  );
  return new Table({
    head,
    chars: { ...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')),
  });
}

import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Comparison, Row } from '../../results/comparison.ts';
import { formatDuration } from '../../results/format.ts';
import type { AskedMeasurement } from '../../results/measurement.ts';
import { median } from '../../results/median.ts';
import type { Run } from '../../results/run.ts';
import { warnings } from '../../results/validity.ts';
import { costTable } from './cost-table.ts';
import { latencyTable } from './latency-table.ts';
import { rateTable } from './rate-table.ts';
import { groupsOf, type Paint } from './row-group.ts';

/** The comparison for people: tables of each measurement and placement, in colour on a terminal, and what must be said. */
export function renderComparison(run: Run, { rows }: Comparison, stream: Writable): string {
  const paint: Paint = (format, text) => styleText(format, text, { stream, validateStream: true });
  const placements = [...new Set(rows.map(({ placement }) => placement))];
  const tables = placements.flatMap((placement) =>
    run.options.measurements.flatMap((asked) => {
      const here = rows.filter((row) => row.placement === placement && row.measurement === asked.name);
      return here.length === 0 ? [] : [tablesOf(run, asked, here, paint)];
    }),
  );
  return `${tables.join('\n')}${notes(run, rows, paint)}`;
}

function tablesOf(run: Run, asked: AskedMeasurement, rows: readonly Row[], paint: Paint): string {
  const groups = groupsOf(rows);
  const headline = rows[0]?.metric ?? '';
  const first =
    headline === 'request_duration_seconds' ? latencyTable(groups, paint) : rateTable(groups, headline, paint);
  const title = `${titleOf(run, asked)}, ${rows[0]?.placement}: ${loadOf(asked)}, ${run.options.blocks} blocks of ${asked.parameters.seconds?.join(', ')} s`;
  return `${paint('bold', title)}\n${first}\n${costTable(groups, paint)}\n`;
}

function titleOf({ scenario, options }: Run, { name }: AskedMeasurement): string {
  return options.measurements.length === 1 ? scenario : `${scenario}, ${name}`;
}

/** What was sent, in words: `1000 requests/s over 16 connections`, `streams 1, 4`. */
function loadOf({ parameters }: AskedMeasurement): string {
  const { rate, connections, seconds: _, warmupSeconds: _w, requestTimeoutSeconds: _t, ...others } = parameters;
  const over = connections === undefined ? [] : [`over ${connections.join(', ')} connections`];
  if (rate !== undefined) return [`${rate.join(', ')} requests/s`, ...over].join(' ');
  const named = Object.entries(others)
    .filter(([name, values]) => name !== 'services' || values.length > 1)
    .map(([name, values]) => `${name} ${values.join(', ')}`);
  return ['as much as it takes', ...over, ...(named.length > 0 ? [`(${named.join('; ')})`] : [])].join(' ');
}

// What makes a row invalid, what must be said beside it, and what the generator itself costs.
function notes(run: Run, rows: readonly Row[], paint: Paint): string {
  const lines: string[] = [];
  for (const { id, rows: own } of groupsOf(rows)) {
    const reason = own.find(({ valid }) => !valid)?.reason;
    if (reason !== undefined && reason !== null) lines.push(`${paint('red', `INVALID ${id}`)}: ${reason}`);
  }
  lines.push(...warningLines(run));
  for (const caveat of run.caveats) lines.push(caveat);
  for (const { services, programmed } of run.stages) {
    for (const { dataPlane, seconds } of programmed) {
      lines.push(
        `With ${services} Services the last one answered through ${dataPlane} after ${formatDuration(seconds)}.`,
      );
    }
  }
  if (rows.every(({ ratioToNone }) => ratioToNone === null)) {
    lines.push('Nothing is compared to none: it was not measured, or is not valid itself.');
  }
  lines.push(...generatorNote(run, rows));
  if (run.status.state !== 'finished') lines.push(paint('red', `This run was ${describe(run.status)}.`));
  return `${lines.join('\n')}\n`;
}

/** Each warning once, behind the test cases that it is of. */
function warningLines(run: Run): string[] {
  const ids = new Map<string, string[]>();
  for (const testCase of run.testCases) {
    for (const warning of warnings(testCase, run)) ids.set(warning, [...(ids.get(warning) ?? []), testCase.id]);
  }
  return [...ids].map(
    ([warning, of]) => `${of.length === run.testCases.length ? 'All test cases' : of.join(', ')}: ${warning}`,
  );
}

/** What the generator of open-loop load itself took and added: at 1000/s it costs as much CPU time as a proxy does. */
function generatorNote({ generators, testCases }: Run, rows: readonly Row[]): string[] {
  const cores = groupsOf(rows).flatMap(({ rows: own }) => {
    if (!own.some(({ metric }) => metric === 'request_duration_seconds')) return [];
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
    `The generator (${generators[0]}) itself took ${range(cores)} of a core, and sent the median request ` +
      `${formatDuration(late)} after the instant at which it was due: latencies contain that.`,
  ];
}

function range(values: readonly number[]): string {
  return [...new Set([Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2)))].join(' to ');
}

function describe(status: Run['status']): string {
  return status.state === 'failed' ? `cut short: ${status.reason}` : status.state;
}

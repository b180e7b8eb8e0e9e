import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Comparison } from '../../results/comparison.ts';
import type { AskedMeasurement } from '../../results/measurement.ts';
import type { Row } from '../../results/row.ts';
import type { Run } from '../../results/run.ts';
import { costTable } from './cost-table.ts';
import { latencyTable } from './latency-table.ts';
import { rateTable } from './rate-table.ts';
import { groupsOf, type Paint, type RowGroup } from './row-group.ts';

const wire = 'wire_duration_seconds';

/** The comparison for people: tables of each measurement and placement, in colour on a terminal, and what must be said. */
export function renderComparison(run: Run, comparison: Comparison, stream: Writable): string {
  const { rows } = comparison;
  const paint: Paint = (format, text) => styleText(format, text, { stream, validateStream: true });
  const placements = [...new Set(rows.map(({ placement }) => placement))];
  const tables = placements.flatMap((placement) =>
    run.options.measurements.flatMap((asked) => {
      const here = rows.filter((row) => row.placement === placement && row.measurement === asked.name);
      return here.length === 0 ? [] : [tablesOf(run, asked, here, paint)];
    }),
  );
  return `${tables.join('\n')}${remarks(comparison, paint)}`;
}

function tablesOf(run: Run, asked: AskedMeasurement, rows: readonly Row[], paint: Paint): string {
  const groups = groupsOf(rows);
  const title = `${titleOf(run, asked)}, ${rows[0]?.placement}: ${loadOf(asked)}, ${run.options.blocks} blocks of ${asked.parameters.seconds?.join(', ')} s`;
  return `${[paint('bold', title), ...headlineTables(groups, paint), costTable(groups, paint)].join('\n')}\n`;
}

/** The tables that answer the question: of latency both views, where the generator has both. */
function headlineTables(groups: readonly RowGroup[], paint: Paint): string[] {
  const headline = groups[0]?.rows[0]?.metric ?? '';
  if (headline !== 'request_duration_seconds') return [rateTable(groups, headline, paint)];
  const isTimed = groups.some(({ rows }) => rows.some((row) => row.metric === wire && row.value.value !== null));
  return [
    latencyTable(groups, { metric: headline, heading: 'what a client sees' }, paint),
    ...(isTimed ? [latencyTable(groups, { metric: wire, heading: 'without the generator' }, paint)] : []),
  ];
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

/** What makes test cases invalid, what must be said beside their numbers, and beside all of the run's. */
function remarks({ testCases, notes, status }: Comparison, paint: Paint): string {
  const lines = testCases.flatMap(({ testCase, invalid }) =>
    invalid.length === 0 ? [] : [`${paint('red', `INVALID ${testCase}`)}: ${invalid.join(' ')}`],
  );
  // Each once, behind the test cases that it is of.
  const said = testCases.flatMap(({ testCase, caveats, warnings }) =>
    [...caveats, ...warnings].map((text) => ({ testCase, text })),
  );
  for (const [text, of] of Map.groupBy(said, ({ text }) => text)) {
    const all = of.length === testCases.length;
    lines.push(`${all ? 'All test cases' : of.map(({ testCase }) => testCase).join(', ')}: ${text}`);
  }
  lines.push(
    ...notes.map((note) =>
      note.startsWith('This run was ') && status.state !== 'finished' ? paint('red', note) : note,
    ),
  );
  return `${lines.join('\n')}\n`;
}

import { formatDuration } from './format.ts';
import { median } from './median.ts';
import type { Row } from './row.ts';
import type { Run } from './run.ts';
import { soundBlocks } from './sound-blocks.ts';
import { spoiledNote } from './spoiled.ts';

/** What must be said of a whole run beside its numbers, in sentences. */
export function notesOf(run: Run, rows: readonly Row[]): string[] {
  return [
    ...run.caveats,
    ...spoiledNote(run),
    ...run.stages.flatMap(({ services, programmed }) =>
      programmed.map(
        ({ dataPlane, seconds }) =>
          `With ${services} Services the last one answered through ${dataPlane} after ${formatDuration(seconds)}.`,
      ),
    ),
    ...(rows.every(({ toNone }) => toNone.ratio === null)
      ? ['Nothing is compared to none: it was not measured, or is not valid itself.']
      : []),
    ...generatorNotes(run, rows),
    `The order of blocks is that of seed ${run.options.seed}.`,
    ...(run.status.state === 'finished' ? [] : [`This run was ${describe(run.status)}.`]),
  ];
}

/** What each generator of open-loop load itself took and added: at 1000/s k6 costs as much CPU time as a proxy does. */
function generatorNotes({ generators, testCases }: Run, rows: readonly Row[]): string[] {
  const by = Map.groupBy(testCases, ({ measurement }) => String(measurement.parameters.generator ?? generators[0]));
  return [...by].flatMap(([generator, own]) => generatorNote(generator, own, rows));
}

function generatorNote(generator: string, testCases: Run['testCases'], rows: readonly Row[]): string[] {
  const cores = testCases.flatMap(({ id }) => {
    const own = rows.filter(({ testCase }) => testCase === id);
    const value = (metric: string, role: Row['role']): number | null =>
      own.find((row) => row.metric === metric && row.role === role)?.value.value ?? null;
    const perRequest = value('cpu_seconds_per_request', 'generator');
    const rate = value('requests_per_second', null);
    const isOpenLoop = own.some(({ metric }) => metric === 'request_duration_seconds');
    return isOpenLoop && perRequest !== null && rate !== null ? [perRequest * rate] : [];
  });
  const late = median(
    testCases.flatMap(({ outcome }) => soundBlocks(outcome).flatMap(({ arrivals }) => arrivals?.lateness?.p50 ?? [])),
  );
  if (cores.length === 0 || late === null) return [];
  return [
    `The generator (${generator}) itself took ${range(cores)} of a core, and sent the median request ` +
      `${formatDuration(late)} after the instant at which it was due: what a client sees contains that.`,
  ];
}

function range(values: readonly number[]): string {
  return [...new Set([Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2)))].join(' to ');
}

function describe(status: Run['status']): string {
  return status.state === 'failed' ? `cut short: ${status.reason}` : status.state;
}

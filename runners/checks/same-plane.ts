import { poolOf } from '../../clusters/cluster.ts';
import { type Coverage, coverageOf, noticedCoverage, scatterOf } from '../../results/calibration.ts';
import type { Row } from '../../results/row.ts';
import { allPools } from '../cli/planes.ts';
import { plainTable } from '../table/plain-table.ts';
import type { Check } from './check.ts';
import { repeatedRuns } from './repeated-runs.ts';

const defaultRuns = 40;
const significance = 0.05;
const again = 'again';

/**
 * A/A: in ordinary runs, with all data planes, the pools, blocks, order and seeds of runs, there is a second `none` beside the
 * first. Each run is deployed anew. Whatever is measured of both must show no difference in 95 % of runs.
 */
export const samePlane: Check = {
  summary: 'A/A: a second `none` beside the first in 40 ordinary runs; intervals contain 1 as often as they claim',
  async run(input) {
    const runs = input.count ?? defaultRuns;
    const pools = [...allPools(), poolOf(again, 'none')];
    const found = new Map<string, Row[]>();
    await repeatedRuns(input, { pools, runs, profiles: ['l4', 'l7'] }, ({ rows }) => {
      const own = rows.filter((row) => row.dataPlane === again && row.valid && row.toNone.interval !== null);
      for (const row of own.filter(({ role, counter }) => role === null && counter === null)) {
        const series = [row.metric, row.quantile === null ? null : `p${row.quantile * 100}`].filter(Boolean).join(' ');
        found.set(series, [...(found.get(series) ?? []), row]);
      }
      const p50 = own.find(({ quantile }) => quantile === 0.5)?.toNone;
      return `p50 ${p50?.ratio?.toFixed(3)}, ${p50?.interval?.map((end) => end.toFixed(3)).join(' to ')}`;
    });
    return report(found, input);
  },
};

/** Prints what was found of every series. Held where no gated one contains 1 in fewer runs than 95 % would explain. */
function report(found: ReadonlyMap<string, readonly Row[]>, { stdout }: { stdout: NodeJS.WritableStream }): boolean {
  const gated = [...found.values()].filter(([row]) => row?.standing === 'gated').length;
  const table = plainTable(['series', 'contain 1', '95 % interval', 'scatter', 'p', '']);
  let held = gated > 0;
  for (const [series, rows] of found) {
    const coverage = coverageOf(rows.filter(({ toNone }) => contains(toNone.interval)).length, rows.length);
    const lacks = rows[0]?.standing === 'gated' && coverage.p * gated < significance;
    if (lacks) held = false;
    table.push([series, ...shown(coverage), ...scatter(rows), lacks ? 'MISSED' : '']);
  }
  const runs = Math.max(0, ...[...found.values()].map((rows) => rows.length));
  stdout.write(`${table.toString()}\n`);
  stdout.write(
    `Four of five such checks notice a coverage of ${percent(noticedCoverage(runs, gated))} or less. Scatter: of runs, each deployed ` +
      'anew, in units of what their own intervals say; above 1, deployments differ by more.\n',
  );
  return held;
}

function contains(interval: Row['toNone']['interval']): boolean {
  return interval !== null && interval[0] <= 1 && interval[1] >= 1;
}

function shown({ contained, runs, interval }: Coverage): [contain: string, interval: string] {
  return [`${contained} of ${runs}`, interval.map(percent).join(' to ')];
}

function scatter(rows: readonly Row[]): [times: string, p: string] {
  const estimates = rows.flatMap(({ toNone: { ratio, interval } }) =>
    ratio === null || interval === null || interval[0] <= 0
      ? []
      : [{ estimate: Math.log(ratio), interval: [Math.log(interval[0]), Math.log(interval[1])] as [number, number] }],
  );
  const found = scatterOf(estimates);
  return found === null ? ['–', '–'] : [`${found.times.toFixed(2)}×`, found.p.toFixed(3)];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

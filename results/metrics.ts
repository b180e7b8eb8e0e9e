import type { Block } from './block.ts';
import { cpuSecondsPer, doneIn } from './cpu.ts';
import { durationAt } from './duration.ts';
import { dividedBy, type Figure, figure, missing } from './figure.ts';
import type { Work } from './measurement.ts';
import { median } from './median.ts';
import { podRoles, type Role, roles } from './vocabulary.ts';

/**
 * One line of numbers of a metric. A regression in a `gated` one fails a build; `informative` ones are shown only,
 * because they scatter too much for that or are parts of a gated one.
 */
export type Series = {
  quantile: number | null;
  role: Role | null;
  counter: string | null;
  standing: 'gated' | 'informative';
};

export type Metric = {
  name: string;
  /** Base units. */
  unit: 'seconds' | 'requests/second' | 'connections/second' | 'bytes/second' | 'ratio' | 'bytes' | 'count';
  direction: 'lower' | 'higher';
  /** Metrics with the same heading stand in one table: what it compares is looked at together. */
  table: 'latency' | 'rate' | 'cost' | 'failures' | 'memory' | 'counters';
  /** Its series in these blocks. */
  series(blocks: readonly Block[]): readonly Series[];
  /** Whether the idle cluster's share is taken off. */
  lessIdle(series: Series): boolean;
  /** The figure of a series over one block, or over all of them taken together. */
  measure(blocks: readonly Block[], series: Series, idle: Figure): Figure;
  /** What was counted or timed one by one. */
  samples(blocks: readonly Block[]): number;
};

const informative: Series = { quantile: null, role: null, counter: null, standing: 'informative' };
const gated: Series = { ...informative, standing: 'gated' };
const never = (): boolean => false;

/**
 * Every metric of the lab, in the order in which rows show them. A name is permanent. Which of them a test case has, its
 * measurement says.
 */
export const metrics: readonly Metric[] = [
  durationOf('request', 'request_duration_seconds'),
  durationOf('wire', 'wire_duration_seconds'),
  durationOf('lateness', 'lateness_seconds'),
  rateOf('requests', 'requests_per_second'),
  rateOf('connections', 'connections_per_second'),
  rateOf('bytes', 'bytes_per_second'),
  costOf('requests', 'cpu_seconds_per_request'),
  costOf('connections', 'cpu_seconds_per_connection'),
  costOf('bytes', 'cpu_seconds_per_byte'),
  {
    name: 'requests_failed_ratio',
    unit: 'ratio',
    direction: 'lower',
    table: 'failures',
    series: () => [informative],
    lessIdle: never,
    measure: (blocks) => {
      const failed = total(blocks, ({ errors }) => errors.count);
      return dividedBy(figure(failed), failed + doneIn(blocks, 'requests'), 'requests');
    },
    samples: (blocks) => doneIn(blocks, 'requests') + total(blocks, ({ errors }) => errors.count),
  },
  {
    name: 'memory_bytes',
    unit: 'bytes',
    direction: 'lower',
    table: 'memory',
    series: () => podRoles.map((role) => ({ ...informative, role })),
    lessIdle: never,
    measure: (blocks, { role }) => memory(blocks, role),
    samples: (blocks) => blocks.length,
  },
  countsOf('requests', 'counted_per_request'),
  countsOf('connections', 'counted_per_connection'),
  countsOf('bytes', 'counted_per_byte'),
];

/** How long it took, as the generator's histograms of that name say. Only what a client sees can have failed. */
function durationOf(name: 'request' | 'wire' | 'lateness', metric: string): Metric {
  const standing = name === 'lateness' ? informative : gated;
  return {
    name: metric,
    unit: 'seconds',
    direction: 'lower',
    table: 'latency',
    series: () => [
      { ...standing, quantile: 0.5 },
      { ...standing, quantile: 0.9 },
      { ...informative, quantile: 0.99 },
      { ...informative, quantile: 0.999 },
    ],
    lessIdle: never,
    measure: (blocks, { quantile: q }) => durationAt(blocks, name, q ?? 0.5),
    samples: (blocks) => total(blocks, ({ durations }) => durations[name]?.count ?? 0),
  };
}

/** Units of work for each second of the windows: informative, for on a shared machine CPU for each is the steadier figure. */
function rateOf(work: Work, name: string): Metric {
  return {
    name,
    unit: `${work}/second`,
    direction: 'higher',
    table: 'rate',
    series: () => [informative],
    lessIdle: never,
    measure: (blocks) =>
      dividedBy(
        figure(doneIn(blocks, work)),
        total(blocks, ({ windowSeconds }) => windowSeconds),
        'seconds',
      ),
    samples: (blocks) => doneIn(blocks, work),
  };
}

function costOf(work: Work, name: string): Metric {
  return {
    name,
    unit: 'seconds',
    direction: 'lower',
    table: 'cost',
    series: () => [gated, ...roles.map((role) => ({ ...informative, role }))],
    lessIdle: ({ role }) => role === null || role === 'other',
    measure: (blocks, { role }, idle) => cpuSecondsPer(work, blocks, role, idle),
    samples: (blocks) => doneIn(blocks, work),
  };
}

/**
 * What each counter of the data plane grew by for each unit of work, warm-up included: runs of a program, bytes, handshakes.
 * Counted and not timed, so it hardly scatters: a change of it is a change of the data plane.
 */
function countsOf(work: Work, name: string): Metric {
  const sent = (block: Block): number =>
    work === 'bytes' ? block.totals.bytesSent + block.totals.bytesReceived : block.totals[work];
  return {
    name,
    unit: 'count',
    direction: 'lower',
    table: 'counters',
    series: (blocks) => {
      const moved = blocks.flatMap(({ growth }) => Object.entries(growth).filter(([, by]) => by !== 0));
      return [...new Set(moved.map(([counter]) => counter))].sort().map((counter) => ({ ...gated, counter }));
    },
    lessIdle: never,
    measure: (blocks, { counter }) => {
      const grown = blocks.map(({ growth }) => growth[counter ?? ''] ?? null);
      if (grown.some((by) => by === null)) return missing('the counter could not be read in every block');
      const by = grown.reduce<number>((sum, one) => sum + (one ?? 0), 0);
      return dividedBy(figure(by), total(blocks, sent), work);
    },
    samples: (blocks) => total(blocks, sent),
  };
}

function total(blocks: readonly Block[], of: (block: Block) => number): number {
  return blocks.reduce((sum, block) => sum + of(block), 0);
}

function memory(blocks: readonly Block[], role: Role | null): Figure {
  const held: number[] = [];
  for (const { memoryBytes } of blocks) {
    const one = role === null || role === 'other' ? undefined : memoryBytes?.[role];
    if (one === undefined) return missing('memory was not measured in every block');
    if (one.value === null) return one;
    held.push(one.value);
  }
  const value = median(held);
  return value === null ? missing('no block was measured') : figure(value);
}

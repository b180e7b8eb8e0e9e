import type { Block } from './block.ts';
import { cpuSecondsPer, doneIn } from './cpu.ts';
import { dividedBy, type Figure, figure, missing } from './figure.ts';
import { mergeHistograms, quantile } from './histogram.ts';
import type { Work } from './measurement.ts';
import { median } from './median.ts';
import { podRoles, type Role, roles } from './vocabulary.ts';

/**
 * One line of numbers of a metric. A regression in a `gated` one fails a build; `informative` ones are shown only,
 * because they scatter too much for that or are parts of a gated one.
 */
export type Series = { quantile: number | null; role: Role | null; standing: 'gated' | 'informative' };

export type Metric = {
  name: string;
  /** Base units. */
  unit: 'seconds' | 'requests/second' | 'connections/second' | 'bytes/second' | 'ratio' | 'bytes';
  better: 'lower' | 'higher';
  series: readonly Series[];
  /** The figure of a series over one block, or over all of them taken together. */
  measure(blocks: readonly Block[], series: Series, idle: Figure): Figure;
};

const informative: Series = { quantile: null, role: null, standing: 'informative' };
const gated: Series = { quantile: null, role: null, standing: 'gated' };

/**
 * Every metric of the lab, in the order in which rows show them. A name is permanent. Which of them a test case has, its
 * measurement says.
 */
export const metrics: readonly Metric[] = [
  {
    name: 'request_duration_seconds',
    unit: 'seconds',
    better: 'lower',
    series: [
      { ...gated, quantile: 0.5 },
      { ...gated, quantile: 0.9 },
      { ...informative, quantile: 0.99 },
      { ...informative, quantile: 0.999 },
    ],
    measure: (blocks, { quantile: q }) => {
      const histograms = blocks.flatMap(({ durations }) => durations.request ?? []);
      const value = q === null ? null : quantile(mergeHistograms(histograms), q);
      return value === null ? missing('no request was answered') : figure(value);
    },
  },
  rateOf('requests', 'requests_per_second'),
  rateOf('connections', 'connections_per_second'),
  rateOf('bytes', 'bytes_per_second'),
  costOf('requests', 'cpu_seconds_per_request'),
  costOf('connections', 'cpu_seconds_per_connection'),
  costOf('bytes', 'cpu_seconds_per_byte'),
  {
    name: 'requests_failed_ratio',
    unit: 'ratio',
    better: 'lower',
    series: [informative],
    measure: (blocks) => {
      const failed = total(blocks, ({ errors }) => errors.count);
      return dividedBy(figure(failed), failed + doneIn(blocks, 'requests'), 'requests');
    },
  },
  {
    name: 'memory_bytes',
    unit: 'bytes',
    better: 'lower',
    series: podRoles.map((role) => ({ ...informative, role })),
    measure: (blocks, { role }) => memory(blocks, role),
  },
];

/** Units of work for each second of the windows: informative, for on a shared machine CPU for each is the steadier figure. */
function rateOf(work: Work, name: string): Metric {
  return {
    name,
    unit: `${work}/second`,
    better: 'higher',
    series: [informative],
    measure: (blocks) =>
      dividedBy(
        figure(doneIn(blocks, work)),
        total(blocks, ({ windowSeconds }) => windowSeconds),
        'seconds',
      ),
  };
}

function costOf(work: Work, name: string): Metric {
  return {
    name,
    unit: 'seconds',
    better: 'lower',
    series: [gated, ...roles.map((role) => ({ ...informative, role }))],
    measure: (blocks, { role }, idle) => cpuSecondsPer(work, blocks, role, idle),
  };
}

function total(blocks: readonly Block[], of: (block: Block) => number): number {
  return blocks.reduce((sum, block) => sum + of(block), 0);
}

function memory(blocks: readonly Block[], role: Role | null): Figure {
  const held: number[] = [];
  for (const { memoryBytes } of blocks) {
    const one = role === null || role === 'kernel' ? undefined : memoryBytes?.[role];
    if (one === undefined) return missing('memory was not measured in every block');
    if (one.value === null) return one;
    held.push(one.value);
  }
  const value = median(held);
  return value === null ? missing('no block was measured') : figure(value);
}

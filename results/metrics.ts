import type { Block } from './block.ts';
import { cpuSecondsPerRequest } from './cpu.ts';
import { dividedBy, type Figure, figure, missing } from './figure.ts';
import { mergeHistograms, quantile } from './histogram.ts';
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
  unit: 'seconds' | 'requests/second' | 'ratio' | 'bytes';
  better: 'lower' | 'higher';
  series: readonly Series[];
  /** Whether the blocks were measured for this metric at all. */
  asked(blocks: readonly Block[]): boolean;
  /** The figure of a series over one block, or over all of them taken together. */
  measure(blocks: readonly Block[], series: Series, idle: Figure): Figure;
};

const always = () => true;
const informative: Series = { quantile: null, role: null, standing: 'informative' };
const gated: Series = { quantile: null, role: null, standing: 'gated' };

/** Every metric of the lab, in the order in which rows show them. A name is permanent. */
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
    asked: always,
    measure: (blocks, { quantile: q }) => {
      const value = q === null ? null : quantile(mergeHistograms(blocks.map(({ latency }) => latency)), q);
      return value === null ? missing('no request was answered') : figure(value);
    },
  },
  {
    name: 'requests_per_second',
    unit: 'requests/second',
    better: 'higher',
    series: [informative],
    asked: always,
    measure: (blocks) =>
      dividedBy(
        figure(answered(blocks)),
        total(blocks, (block) => block.windowSeconds),
        'seconds',
      ),
  },
  {
    name: 'cpu_seconds_per_request',
    unit: 'seconds',
    better: 'lower',
    series: [gated, ...roles.map((role) => ({ ...informative, role }))],
    asked: always,
    measure: (blocks, { role }, idle) => cpuSecondsPerRequest(blocks, role, idle),
  },
  {
    name: 'requests_failed_ratio',
    unit: 'ratio',
    better: 'lower',
    series: [informative],
    asked: always,
    measure: (blocks) => {
      const failed = total(blocks, ({ errors }) => errors.count);
      return dividedBy(figure(failed), failed + answered(blocks), 'requests');
    },
  },
  {
    name: 'memory_bytes',
    unit: 'bytes',
    better: 'lower',
    series: podRoles.map((role) => ({ ...informative, role })),
    asked: (blocks) => blocks.some(({ memoryBytes }) => memoryBytes !== null),
    measure: (blocks, { role }) => memory(blocks, role),
  },
];

function answered(blocks: readonly Block[]): number {
  return total(blocks, ({ latency }) => latency.count);
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

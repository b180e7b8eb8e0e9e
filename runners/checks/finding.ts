import { formatInterval } from '../../results/format.ts';
import type { Interval } from '../../results/interval.ts';
import { plainTable } from '../table/plain-table.ts';
import type { CheckInput } from './check.ts';

/** A figure that a check has found, in base units, with what it is held to. */
export type Finding = {
  name: string;
  value: number | null;
  /** The value as people read it, with its unit. */
  text: string;
  /** 95 %; null where none was computed. */
  interval: Interval | null;
  target: Target | null;
};

/**
 * `value`: the value itself must be on the right side. `interval`: it is enough that the interval reaches it, for what is to
 * be no worse, or the same.
 */
export type Target = ({ atLeast: number } | { atMost: number } | { equal: number }) & { by: 'value' | 'interval' };

/** Prints findings, a line each, or as one JSON object. @returns whether every target is reached. */
export function report(
  check: string,
  findings: readonly Finding[],
  { json, stdout }: Pick<CheckInput, 'json' | 'stdout'>,
): boolean {
  const held = findings.every((finding) => holds(finding) !== false);
  if (json) {
    stdout.write(
      `${JSON.stringify({ check, held, findings: findings.map((one) => ({ ...one, held: holds(one) })) })}\n`,
    );
    return held;
  }
  const table = plainTable(['', 'figure', '95 % interval', 'target', '']);
  for (const finding of findings) {
    const { name, text, interval, target } = finding;
    const isOpen = target?.by === 'interval' && interval === null;
    const verdict = isOpen ? 'too few passes' : { true: 'holds', false: 'MISSED', null: '' }[`${holds(finding)}`];
    table.push([name, text, formatInterval(interval), target === null ? '' : describe(target), verdict]);
  }
  stdout.write(`${table.toString()}\n`);
  return held;
}

/** Whether a finding reaches its target; null where there is none. */
export function holds({ value, interval, target }: Finding): boolean | null {
  if (target === null) return null;
  if (value === null || (target.by === 'interval' && interval === null)) return false;
  const [low, high] = target.by === 'interval' && interval !== null ? interval : [value, value];
  if ('atLeast' in target) return high >= target.atLeast;
  if ('atMost' in target) return low <= target.atMost;
  return low <= target.equal && high >= target.equal;
}

function describe(target: Target): string {
  const sign =
    'atLeast' in target ? `≥ ${target.atLeast}` : 'atMost' in target ? `≤ ${target.atMost}` : `= ${target.equal}`;
  return target.by === 'interval' ? `${sign} within interval` : sign;
}

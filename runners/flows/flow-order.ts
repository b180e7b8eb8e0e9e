import type { FlowLine } from '../../datapath/flow-query.ts';

/** A line that has a time. */
export type TimedLine = Exclude<FlowLine, { kind: 'notice' }>;

/** How long a line waits for earlier ones of other nodes: agents read their kernel's events ten times a second. */
export const holdMs = 400;

/** Puts lines of several nodes into the order of their times, as they come. What comes later than it may is not held. */
export class FlowOrder {
  #held: { line: TimedLine; arrivedMs: number }[] = [];

  push(line: TimedLine, nowMs: number): void {
    this.#held.push({ line, arrivedMs: nowMs });
  }

  /** Those that have waited long enough, and all that are earlier than they; in order. */
  take(nowMs: number): TimedLine[] {
    const ripe = this.#held.filter(({ arrivedMs }) => nowMs - arrivedMs >= holdMs).map(({ line }) => line.time);
    const latest = ripe.sort().at(-1) ?? '';
    return this.#release(({ time }) => time <= latest);
  }

  /** All that are left, in order. */
  drain(): TimedLine[] {
    return this.#release(() => true);
  }

  #release(isDue: (line: TimedLine) => boolean): TimedLine[] {
    const due = this.#held.filter(({ line }) => isDue(line)).map(({ line }) => line);
    this.#held = this.#held.filter(({ line }) => !isDue(line));
    return due.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }
}

import type { Flow } from './flow.ts';

/** A flow with its number, or how many were overwritten before they could be read. */
export type FlowRecord = { sequence: number; flow: Flow } | { lost: number };

/** A flow that is made when somebody reads it. */
export type LazyFlow = () => Flow;

/**
 * The last flows of a node, numbered from 1. Readers hold a place in it and nothing else: one that is too slow finds
 * that place overwritten, is told by how much, and costs nobody anything.
 */
export class FlowBuffer {
  readonly #ring: (Flow | LazyFlow)[] = [];
  readonly #capacity: number;
  #latest = 0;
  readonly #sleepers = new Set<() => void>();

  /** @param capacity how many flows are kept, at least 1. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError(`No buffer can keep ${capacity} flows`);
    this.#capacity = capacity;
  }

  /** The number of the latest flow; 0 before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** @returns the flow's number. */
  push(flow: Flow | LazyFlow): number {
    this.#latest++;
    this.#ring[this.#latest % this.#capacity] = flow;
    if (this.#sleepers.size > 0) {
      for (const wake of this.#sleepers) wake();
      this.#sleepers.clear();
    }
    return this.#latest;
  }

  /** What came after the flow with this number, oldest first; begins with what was lost, if anything. */
  since(sequence: number): FlowRecord[] {
    const records: FlowRecord[] = [];
    for (let place = this.#place(sequence); ; ) {
      const { record, next } = this.#read(place);
      if (record === null) return records;
      records.push(record);
      place = next;
    }
  }

  /** The last `count` flows, or as many as there are, oldest first. */
  last(count: number): FlowRecord[] {
    return this.since(Math.max(this.#latest - count, this.#oldest() - 1));
  }

  /** What comes after the flow with this number, or after now, until the signal aborts: then it ends, without an error. */
  follow({ signal, since = this.#latest }: { signal: AbortSignal; since?: number }): AsyncIterable<FlowRecord> {
    return this.#follow(this.#place(since), signal);
  }

  async *#follow(start: number, signal: AbortSignal): AsyncGenerator<FlowRecord, void> {
    let place = start;
    let wake = () => {};
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const { record, next } = this.#read(place);
        place = next;
        if (record !== null) {
          yield record;
          continue;
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        this.#sleepers.add(wake);
        await promise;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#sleepers.delete(wake);
    }
  }

  /** The number to read next. One that no flow has had yet may be from another buffer: what comes next is as good. */
  #place(sequence: number): number {
    return Math.min(Math.max(sequence, 0), this.#latest) + 1;
  }

  #read(place: number): { record: FlowRecord | null; next: number } {
    const oldest = this.#oldest();
    if (place < oldest) return { record: { lost: oldest - place }, next: oldest };
    const kept = place > this.#latest ? undefined : this.#ring[place % this.#capacity];
    if (kept === undefined) return { record: null, next: place };
    const flow = typeof kept === 'function' ? kept() : kept;
    this.#ring[place % this.#capacity] = flow;
    return { record: { sequence: place, flow }, next: place + 1 };
  }

  #oldest(): number {
    return Math.max(1, this.#latest - this.#capacity + 1);
  }
}

import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import { structs } from '../abi/structs.ts';
import type { Datapath } from '../maps/datapath.ts';
import { perCpuSum } from '../maps/per-cpu.ts';
import { decodeEvent, isEvent } from './event.ts';
import type { Flow } from './flow.ts';
import { FlowBuffer, type LazyFlow } from './flow-buffer.ts';
import { flowMetrics } from './flow-metrics.ts';
import { type FlowNames, flowContext } from './flow-names.ts';
import { flowOf } from './flow-of.ts';
import { FlowTally } from './flow-tally.ts';

const everyMs = 100;

/**
 * Flows of one reading that are made at once, with the names that things have now. When there are more, policy must not
 * wait for them: each of the others is made when somebody asks for it, by the names of then.
 */
const madeAtOnce = 50;

const { size } = structs.event;
/** As many as Hubble keeps. */
const keptFlows = 4095;

export type FlowReaderOptions = Omit<FlowNames, 'newUuid' | 'clockOffsetNanoseconds'> & {
  datapath: Datapath;
  registry: Registry;
  signal: AbortSignal;
};

/** Makes flows of the datapath's events until the signal aborts. @returns the last ones, which grow. */
export function readFlows({ datapath, registry, signal, ...names }: FlowReaderOptions): FlowBuffer {
  const metrics = flowMetrics(registry);
  const flows = new FlowBuffer(keptFlows);
  const clockOffsetNanoseconds = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const contextNow = () => flowContext({ ...names, clockOffsetNanoseconds, newUuid: randomUUID });
  let context = contextNow();
  const make = (record: Uint8Array): Flow => flowOf(decodeEvent(record), context);
  const tally = new FlowTally();
  // A place is taken again when the buffer has long forgotten who had it: it keeps no more flows than there are places.
  const store = new Uint8Array(keptFlows * size);
  const stored = Array.from({ length: keptFlows }, (_, index): LazyFlow => {
    const record = store.subarray(index * size, (index + 1) * size);
    return () => make(record);
  });
  let place = 0;
  let made = 0;
  let unreadable = 0;
  const ring = datapath.readEvents((record) => {
    if (!isEvent(record)) {
      unreadable++;
      return;
    }
    tally.add(record);
    if (made++ < madeAtOnce) {
      flows.push(make(record));
      return;
    }
    store.set(record.subarray(0, size), place * size);
    flows.push(stored[place] as LazyFlow);
    place = (place + 1) % keptFlows;
  });
  const reading = setInterval(() => {
    made = 0;
    context = contextNow();
    ring.consume();
    for (const { record, count } of tally.take()) metrics.observe(make(record), count);
  }, everyMs);
  let lost = perCpuSum(datapath.lost, 0);
  const counting = setInterval(() => {
    const now = perCpuSum(datapath.lost, 0) + unreadable;
    if (now > lost) metrics.lost(now - lost);
    lost = now;
  }, 1000);
  const stop = (): void =>
    [reading, counting].forEach((timer) => {
      clearInterval(timer);
    });
  signal.addEventListener('abort', stop, { once: true });
  return flows;
}

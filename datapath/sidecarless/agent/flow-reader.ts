import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import { decodeEvent } from '../flow/event.ts';
import { FlowBuffer } from '../flow/flow-buffer.ts';
import { flowMetrics } from '../flow/flow-metrics.ts';
import { flowOf } from '../flow/flow-of.ts';
import type { Datapath } from './datapath.ts';
import { type FlowNames, flowContext } from './flow-names.ts';
import { perCpuSum } from './per-cpu.ts';

const everyMs = 100;
/** As many as Hubble keeps. */
const keptFlows = 4095;

export type FlowReaderOptions = Omit<FlowNames, 'newUuid'> & {
  datapath: Datapath;
  metrics: Registry;
  signal: AbortSignal;
};

/** Makes flows of the datapath's events until the signal aborts. @returns the last ones, which grow. */
export function readFlows({ datapath, metrics: registry, signal, ...names }: FlowReaderOptions): FlowBuffer {
  const metrics = flowMetrics(registry);
  const flows = new FlowBuffer(keptFlows);
  const context = flowContext({ ...names, newUuid: randomUUID });
  const ring = datapath.readEvents((record) => {
    const flow = flowOf(decodeEvent(record), context);
    flows.push(flow);
    metrics.observe(flow);
  });
  let lost = perCpuSum(datapath.lost, 0);
  const reading = setInterval(() => {
    ring.consume();
    const now = perCpuSum(datapath.lost, 0);
    if (now === lost) return;
    metrics.lost(now - lost);
    lost = now;
  }, everyMs);
  signal.addEventListener('abort', () => clearInterval(reading), { once: true });
  return flows;
}

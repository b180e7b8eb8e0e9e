import { z } from 'zod';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Traffic } from '../../results/block.ts';
import { histogramOf } from '../../results/histogram.ts';
import { CommonParameters, driver, type Probed, type Sent, type Target, type Window } from './driver.ts';
import { sendLoad } from './load-events.ts';
import { type SentBlock, withDoubled } from './loops.ts';

/** Enough for a capture to see that bytes passed, few enough to be captured whole. */
const probeLoad = { streams: 1, writeBytes: 16 * 1024, warmupSeconds: 0, durationSeconds: 0, bytes: 64 * 1024 };

/** What iperf3's control connection may carry each way: parameters, results of both ends, changes of state. */
const controlBytes = 64 * 1024;

const arrivedCounter = 'iperf3-server/bytes-sent';

const Iperf3Result = z.object({
  windowSeconds: z.number(),
  bytes: z.int(),
  connections: z.int(),
  receivedAtLeast: z.int(),
  sentAtMost: z.int(),
});

/**
 * As many bytes as a number of TCP streams carries, from iperf3's server beside the workload to iperf3 beside the generator,
 * which counts what has arrived.
 */
export const bulk = driver({
  kind: 'bulk',
  parameters: CommonParameters.extend({
    streams: z.int().positive().max(64),
    /** What the server hands to its socket at once. */
    writeBytes: z
      .int()
      .positive()
      .max(1024 * 1024)
      .default(64 * 1024),
  }),
  metrics: ['bytes_per_second', 'cpu_seconds_per_byte', 'counted_per_byte'],
  work: 'bytes',
  generator: () => 'iperf3',
  // iperf3 counts whole seconds, and what is sent with twice the streams takes as long.
  blockSeconds: ({ warmupSeconds, seconds }) => 2 * Math.ceil(warmupSeconds + seconds),
  blocks: true,
  files: {},
  send(context, target, { streams, writeBytes, warmupSeconds, seconds }, window) {
    const once = async (factor: number, told: Window): Promise<SentBlock> => {
      const load = { streams: streams * factor, writeBytes, warmupSeconds, durationSeconds: seconds };
      const { windowSeconds, bytes, ...ends } = await iperf3(context, target, load, told);
      return {
        requestedRate: null,
        windowSeconds,
        connections: streams,
        counts: { bytes },
        durations: {},
        errors: { count: 0, kinds: {}, latency: histogramOf([]) },
        arrivals: null,
        ...sentOf(ends),
        doubledRate: null,
      };
    };
    return withDoubled(once, window, 'bytes');
  },
  async probe(context, target, { word }): Promise<Probed> {
    const load = { ...probeLoad, title: word };
    const ends = await iperf3(context, target, load, { onBegin: () => undefined, onEnd: () => undefined });
    const { totals, ...sent } = sentOf(ends);
    const { reconnects: _, ...traffic } = totals;
    return { ...sent, traffic, answers: [] };
  },
  arrivals: ({ bytesReceived }) => [
    { counter: arrivedCounter, claim: 'the server of the streams sent what has arrived', atLeast: bytesReceived },
  ],
});

type Ends = Pick<z.infer<typeof Iperf3Result>, 'connections' | 'receivedAtLeast' | 'sentAtMost'>;

function iperf3(
  context: DataPlaneContext,
  { generator, host, port }: Target,
  load: {
    streams: number;
    writeBytes: number;
    warmupSeconds: number;
    durationSeconds: number;
    bytes?: number;
    title?: string;
  },
  window: Window,
): Promise<z.infer<typeof Iperf3Result>> {
  const body = { address: `${host}:${port}`, ...load };
  return sendLoad(context, generator, { path: 'bulks', body, result: Iperf3Result }, window);
}

/** iperf3 shows three digits of what both ends have counted, and what was under way at the end was sent and not received. */
function sentOf({ connections, receivedAtLeast, sentAtMost }: Ends): Pick<SentBlock, 'totals'> &
  Pick<Sent, 'arrived'> & {
    besides: Traffic;
  } {
  return {
    totals: { requests: 0, connections, bytesSent: 0, bytesReceived: receivedAtLeast, reconnects: 0 },
    besides: {
      requests: 0,
      connections: 0,
      bytesSent: controlBytes,
      bytesReceived: Math.max(0, sentAtMost - receivedAtLeast) + controlBytes,
    },
    arrived: { [arrivedCounter]: sentAtMost },
  };
}

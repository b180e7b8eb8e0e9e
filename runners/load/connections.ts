import { z } from 'zod';
import { CommonParameters, driver, longestAnswerBytes, type Window } from './driver.ts';
import { floodLoad } from './flood.ts';
import { httpArrivals, probeHttp } from './http-workload.ts';
import { closedLoopResult, withDoubled } from './loops.ts';

/** Connections that are opened, asked one request, and closed, in a number of closed loops: by the lab's own flood. */
export const connections = driver({
  kind: 'connections',
  parameters: CommonParameters.extend({
    /** Closed loops side by side. */
    connections: z.int().positive().max(500),
    responseBytes: z.int().nonnegative().max(longestAnswerBytes),
    requestTimeoutSeconds: z.number().positive(),
  }),
  metrics: ['connections_per_second', 'cpu_seconds_per_connection', 'requests_failed_ratio'],
  work: 'connections',
  generator: () => 'flood',
  blockSeconds: ({ warmupSeconds, seconds }) => 2 * warmupSeconds + 1.5 * seconds,
  socketsBlock: false,
  files: {},
  send(context, { generator: pod, host, port }, parameters, window) {
    const { connections: loops, responseBytes, warmupSeconds, seconds, requestTimeoutSeconds } = parameters;
    const once = async (factor: number, told: Window) => {
      const load = {
        url: `http://${host}:${port}/?bytes=${responseBytes}`,
        connections: loops * factor,
        workers: 1,
        reconnect: true,
        warmupSeconds,
        durationSeconds: factor === 1 ? seconds : seconds / 2,
        timeoutSeconds: requestTimeoutSeconds,
      };
      const result = closedLoopResult(loops, await floodLoad(context, pod, load, told));
      return { ...result, counts: { ...result.counts, connections: result.counts.requests ?? 0 } };
    };
    return withDoubled(once, window, 'connections');
  },
  probe: probeHttp,
  arrivals: httpArrivals,
});

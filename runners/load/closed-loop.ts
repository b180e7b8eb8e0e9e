import { z } from 'zod';
import { runAutocannon } from './autocannon.ts';
import { CommonParameters, driver, longestAnswerBytes, type Window } from './driver.ts';
import { floodLoad } from './flood.ts';
import { httpArrivals, probeHttp } from './http-workload.ts';
import { closedLoopResult, type LoopLoad, withDoubled } from './loops.ts';

/**
 * As many requests as a number of connections takes, on each the next as soon as the one before it is answered
 * (closed-loop). By autocannon, or by the lab's own `flood`, which takes less of the processor for each request: where
 * autocannon is the limit, it is the one to ask.
 */
export const closedLoop = driver({
  kind: 'closed-loop',
  parameters: CommonParameters.extend({
    generator: z.enum(['autocannon', 'flood']),
    connections: z.int().positive().max(500),
    /** Threads of autocannon's; flood has one for each processor. */
    workers: z.int().positive().max(16).default(1),
    responseBytes: z.int().nonnegative().max(longestAnswerBytes),
    requestTimeoutSeconds: z.number().positive(),
  }),
  metrics: ['requests_per_second', 'cpu_seconds_per_request', 'requests_failed_ratio'],
  work: 'requests',
  generator: ({ generator }) => generator,
  blockSeconds: ({ warmupSeconds, seconds }) => 2 * warmupSeconds + 1.5 * seconds,
  socketsBlock: false,
  files: {},
  send(context, { generator: pod, host, port }, parameters, window) {
    const { generator, connections, workers, responseBytes, ...times } = parameters;
    const run = generator === 'autocannon' ? runAutocannon : floodLoad;
    const load = (times2: number): LoopLoad => ({
      url: `http://${host}:${port}/?bytes=${responseBytes}`,
      connections: connections * times2,
      workers: Math.min(workers, connections) * times2,
      reconnect: false,
      warmupSeconds: times.warmupSeconds,
      durationSeconds: times2 === 1 ? times.seconds : times.seconds / 2,
      timeoutSeconds: times.requestTimeoutSeconds,
    });
    const once = async (factor: number, told: Window) =>
      closedLoopResult(connections, await run(context, pod, load(factor), told));
    return withDoubled(once, window, 'requests');
  },
  probe: probeHttp,
  arrivals: httpArrivals,
});

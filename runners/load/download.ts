import { z } from 'zod';
import { CommonParameters, driver, type Window } from './driver.ts';
import { floodLoad } from './flood.ts';
import { httpArrivals, probeHttp } from './http-workload.ts';
import { closedLoopResult, withDoubled } from './loops.ts';

/**
 * As many bytes as long answers carry, on each of a number of connections one after the other, by the lab's own flood. Its
 * sockets do not block, as those of most servers, so that a short-cut takes them; iperf3's do.
 */
export const download = driver({
  kind: 'download',
  parameters: CommonParameters.extend({
    connections: z.int().positive().max(500),
    /** Of one answer. Between two of them nothing is sent for as long as a request takes. */
    responseBytes: z
      .int()
      .positive()
      .max(16 << 20),
    requestTimeoutSeconds: z.number().positive(),
  }),
  metrics: ['bytes_per_second', 'cpu_seconds_per_byte', 'requests_failed_ratio'],
  work: 'bytes',
  generator: () => 'flood',
  blockSeconds: ({ warmupSeconds, seconds }) => 2 * warmupSeconds + 1.5 * seconds,
  socketsBlock: false,
  files: {},
  send(context, { generator: pod, host, port }, parameters, window) {
    const { connections, responseBytes, warmupSeconds, seconds, requestTimeoutSeconds } = parameters;
    const once = async (factor: number, told: Window) => {
      const load = {
        url: `http://${host}:${port}/?bytes=${responseBytes}`,
        connections: connections * factor,
        workers: 1,
        reconnect: false,
        warmupSeconds,
        durationSeconds: factor === 1 ? seconds : seconds / 2,
        timeoutSeconds: requestTimeoutSeconds,
      };
      return closedLoopResult(connections, await floodLoad(context, pod, load, told));
    };
    return withDoubled(once, window, 'bytes');
  },
  probe: probeHttp,
  arrivals: httpArrivals,
});

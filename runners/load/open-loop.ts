import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CommonParameters, driver, longestAnswerBytes } from './driver.ts';
import { runBlock } from './generator.ts';
import { httpArrivals, probeHttp } from './http-workload.ts';

const script = 'constant-rate.ts';

/**
 * Requests that are due at a constant rate, whatever the server does meanwhile (open-loop), by k6. Latency counts from the
 * instant at which one was due.
 */
export const openLoop = driver({
  kind: 'open-loop',
  parameters: CommonParameters.extend({
    /** Requests per second. */
    rate: z.int().positive(),
    connections: z.int().positive(),
    responseBytes: z.int().nonnegative().max(longestAnswerBytes),
    requestTimeoutSeconds: z.number().positive(),
  }),
  metrics: [
    'request_duration_seconds',
    'requests_per_second',
    'cpu_seconds_per_request',
    'requests_failed_ratio',
    'memory_bytes',
  ],
  work: 'requests',
  generator: () => 'k6',
  blockSeconds: ({ warmupSeconds, seconds }) => warmupSeconds + seconds,
  socketsBlock: false,
  files: { [script]: () => readFile(join(import.meta.dirname, 'k6', script), 'utf8') },
  async send(context, { generator, host, port }, parameters, window) {
    const { responseBytes, rate, connections, warmupSeconds, seconds, requestTimeoutSeconds } = parameters;
    const block = {
      ...{ script, url: `http://${host}:${port}/?bytes=${responseBytes}`, rate, connections, warmupSeconds },
      ...{ durationSeconds: seconds, timeoutSeconds: requestTimeoutSeconds, bodyBytes: responseBytes },
    };
    const { latency, ...result } = await runBlock(context, generator, block, window);
    return {
      ...result,
      counts: { requests: latency.count },
      durations: { request: latency },
      besides: null,
      doubledRate: null,
      arrived: {},
    };
  },
  probe: probeHttp,
  arrivals: httpArrivals,
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CommonParameters, driver, longestAnswerBytes } from './driver.ts';
import { runBlock } from './generator.ts';
import { httpArrivals, probeHttp } from './http-workload.ts';

const script = 'constant-rate.ts';

/**
 * Requests that are due at a constant rate, whatever the server does meanwhile (open-loop). Latency counts from the instant at
 * which one was due. What is sent is the same either way: `k6` keeps the timetable by its executor and a script, and has
 * its connections in goroutines; `pace` has both in one thread, which sends a hundred times as punctually and takes half of
 * the CPU time.
 */
export const openLoop = driver({
  kind: 'open-loop',
  parameters: CommonParameters.extend({
    generator: z.enum(['pace', 'k6']).default('pace'),
    /** Requests per second. */
    rate: z.int().positive(),
    connections: z.int().positive(),
    responseBytes: z.int().nonnegative().max(longestAnswerBytes),
    requestTimeoutSeconds: z.number().positive(),
  }),
  metrics: [
    'request_duration_seconds',
    'wire_duration_seconds',
    'lateness_seconds',
    'requests_per_second',
    'cpu_seconds_per_request',
    'requests_failed_ratio',
    'memory_bytes',
    'counted_per_request',
  ],
  work: 'requests',
  generator: ({ generator }) => generator,
  blockSeconds: ({ warmupSeconds, seconds }) => warmupSeconds + seconds,
  blocks: false,
  files: { [script]: () => readFile(join(import.meta.dirname, 'k6', script), 'utf8') },
  async send(context, { generator, host, port }, parameters, window) {
    const { responseBytes, rate, connections, warmupSeconds, seconds, requestTimeoutSeconds } = parameters;
    const block = {
      timekeeper: parameters.generator === 'k6' ? ({ by: 'k6', script } as const) : ({ by: 'pace' } as const),
      ...{ url: `http://${host}:${port}/?bytes=${responseBytes}`, rate, connections, warmupSeconds },
      ...{ durationSeconds: seconds, timeoutSeconds: requestTimeoutSeconds, bodyBytes: responseBytes },
    };
    const { latency, wire, lateness, ...result } = await runBlock(context, generator, block, window);
    return {
      ...result,
      counts: { requests: latency.count },
      durations: { request: latency, wire, lateness },
      besides: null,
      doubledRate: null,
      arrived: {},
    };
  },
  probe: probeHttp,
  arrivals: httpArrivals,
});

import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Kube } from '../../clusters/kube/kube.ts';
import { failed, linesOf, proxyPath } from './generator.ts';

/** Closed loops, one on each connection: a request follows the answer to the one before. */
export type FloodRequest = {
  url: string;
  connections: number;
  /** A connection for each request, which the server closes. */
  reconnect: boolean;
  warmupSeconds: number;
  durationSeconds: number;
  timeoutSeconds: number;
};

/** What was answered within the window, in all, and how long it took. */
export const FloodResult = z.object({
  windowSeconds: z.number(),
  requests: z.int(),
  bytesReceived: z.int(),
  failed: z.int(),
  firstFailure: z.string().nullable(),
  p50Seconds: z.number().nullable(),
  p99Seconds: z.number().nullable(),
  /** Warm-up and last answers included. */
  totals: z.object({ requests: z.int(), connections: z.int(), bytesSent: z.int(), bytesReceived: z.int() }),
});
export type FloodResult = z.infer<typeof FloodResult>;

const FloodEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('window-begin') }),
  z.object({ event: z.literal('window-end') }),
  FloodResult.extend({ event: z.literal('result') }),
  z.object({ event: z.literal('error'), message: z.string() }),
]);

/**
 * Has the generator in a pod send as much as the workload takes, and calls back as the measured window begins and ends.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said, or when a single request failed.
 */
export async function runFlood(
  kube: Kube,
  pod: V1Pod,
  request: FloodRequest,
  { signal, onWindowBegin, onWindowEnd }: { signal: AbortSignal; onWindowBegin: () => void; onWindowEnd: () => void },
): Promise<FloodResult> {
  const response = await kube.request('POST', `${proxyPath(pod)}/floods`, { body: request, signal });
  if (!response.ok || response.body === null) throw failed(pod, `${response.status} ${await response.text()}`);
  let outcome: FloodResult | null = null;
  for await (const line of linesOf(pod, response.body, signal)) {
    const event = FloodEvent.parse(JSON.parse(line));
    if (event.event === 'window-begin') onWindowBegin();
    else if (event.event === 'window-end') onWindowEnd();
    else if (event.event === 'error') throw failed(pod, event.message);
    else outcome = event;
  }
  if (outcome === null) throw failed(pod, 'its answer ended before the result');
  if (outcome.failed > 0) throw failed(pod, `${outcome.failed} requests failed: ${outcome.firstFailure}`);
  return outcome;
}

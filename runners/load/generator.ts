import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Kube } from '../../clusters/kube/kube.ts';
import { LoadResult } from '../../results/block.ts';
import { Histogram } from '../../results/histogram.ts';
import type { Window } from './driver.ts';
import { failed, proxyPath } from './generator-pod.ts';
import { sendLoad } from './load-events.ts';

/** What one block of load is asked to be. The rate is in requests per second. */
export type BlockRequest = {
  script: string;
  url: string;
  rate: number;
  connections: number;
  warmupSeconds: number;
  durationSeconds: number;
  timeoutSeconds: number;
  /** Length that every answer's body must have. */
  bodyBytes: number;
};

/** What k6 says of a block: its requests have latencies, and a timetable. */
const K6Result = LoadResult.pick({
  requestedRate: true,
  windowSeconds: true,
  connections: true,
  errors: true,
  arrivals: true,
  totals: true,
}).extend({ event: z.literal('result'), achievedRate: z.number(), latency: Histogram });
export type K6Result = Omit<z.infer<typeof K6Result>, 'event' | 'achievedRate'>;

const RequestsResult = z.object({
  requests: z.int(),
  connections: z.int(),
  bytesSent: z.int(),
  bytesReceived: z.int(),
  statuses: z.record(z.string(), z.int()),
  lastBody: z.string(),
  /** Why it stopped early; null when it did not. */
  error: z.string().nullable(),
});
export type RequestsResult = z.infer<typeof RequestsResult>;

/**
 * Has k6 in a pod send one block of load, and tells when the measured window begins and ends.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export async function runBlock(
  context: { kube: Kube; signal: AbortSignal },
  pod: V1Pod,
  body: BlockRequest,
  window: Window,
): Promise<K6Result> {
  const {
    event: _,
    achievedRate: _rate,
    ...result
  } = await sendLoad(context, pod, { path: 'blocks', body, result: K6Result }, window);
  return result;
}

/** Has the generator send requests one after another on one new connection. */
export async function sendRequests(
  kube: Kube,
  pod: V1Pod,
  request: { url: string; path: string; count: number; headers: Record<string, string> },
  signal: AbortSignal,
): Promise<RequestsResult> {
  const response = await kube.request('POST', `${proxyPath(pod)}/requests`, { body: request, signal });
  const text = await response.text();
  if (!response.ok) throw failed(pod, `${response.status} ${text}`);
  return RequestsResult.parse(JSON.parse(text));
}

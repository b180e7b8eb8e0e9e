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
  url: string;
  rate: number;
  connections: number;
  warmupSeconds: number;
  durationSeconds: number;
  timeoutSeconds: number;
  /** Length that every answer's body must have. */
  bodyBytes: number;
};

/** What is said of a block: its requests have latencies, and a timetable. */
const BlockResult = LoadResult.pick({
  requestedRate: true,
  windowSeconds: true,
  connections: true,
  errors: true,
  arrivals: true,
  totals: true,
}).extend({
  event: z.literal('result'),
  achievedRate: z.number(),
  latency: Histogram,
  wire: Histogram,
  lateness: Histogram,
});
export type BlockResult = Omit<z.infer<typeof BlockResult>, 'event' | 'achievedRate'>;

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

/** Who keeps the timetable: a script that k6 runs, or the generator itself. */
export type Timekeeper = { by: 'k6'; script: string } | { by: 'pace' };

/**
 * How long `pace` does without sleep before each arrival: longer costs CPU time, shorter punctuality. A processor of a virtual
 * machine takes 30 to 60 µs to wake.
 */
const spinMicroseconds = 50;

/**
 * Has the generator in a pod send one block of load, and tells when the measured window begins and ends.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export async function runBlock(
  context: { kube: Kube; signal: AbortSignal },
  pod: V1Pod,
  { timekeeper, ...block }: BlockRequest & { timekeeper: Timekeeper },
  window: Window,
): Promise<BlockResult> {
  const { timeoutSeconds, ...others } = block;
  const asked =
    timekeeper.by === 'k6'
      ? { path: 'blocks', body: { ...block, script: timekeeper.script } }
      : { path: 'paces', body: { ...others, timeoutMs: timeoutSeconds * 1000, spinMicroseconds } };
  const {
    event: _,
    achievedRate: _rate,
    ...result
  } = await sendLoad(context, pod, { ...asked, result: BlockResult }, window);
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

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { LoadResult } from '../../results/block.ts';

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

const BlockEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready') }),
  z.object({ event: z.literal('window-begin'), at: z.number() }),
  z.object({ event: z.literal('window-end'), at: z.number() }),
  LoadResult.extend({ event: z.literal('result') }),
  z.object({ event: z.literal('error'), message: z.string(), stderr: z.string().optional() }),
]);

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

/** The generator could not send what it was asked to: the path does not carry it, or it failed itself. */
export class GeneratorError extends LabError {}

/** The port of the generator service in its pod. */
export const generatorPort = 8089;

/**
 * Has the generator in a pod send one block of load, and calls back as the measured window begins and ends.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export async function runBlock(
  kube: Kube,
  pod: V1Pod,
  request: BlockRequest,
  { signal, onWindowBegin, onWindowEnd }: { signal: AbortSignal; onWindowBegin: () => void; onWindowEnd: () => void },
): Promise<LoadResult> {
  const response = await kube.request('POST', `${proxyPath(pod)}/blocks`, { body: request, signal });
  if (!response.ok || response.body === null) throw failed(pod, `${response.status} ${await response.text()}`);
  let outcome: LoadResult | null = null;
  // To the end of the answer: only then is the generator free for the next block.
  for await (const line of linesOf(pod, response.body, signal)) {
    if (line.trim() === '') continue;
    const event = BlockEvent.parse(JSON.parse(line));
    if (event.event === 'window-begin') onWindowBegin();
    else if (event.event === 'window-end') onWindowEnd();
    else if (event.event === 'error') throw failed(pod, [event.message, event.stderr].filter(Boolean).join('\n'));
    else if (event.event === 'result') {
      const { event: _, ...result } = event;
      outcome = result;
    }
  }
  if (outcome !== null) return outcome;
  throw failed(pod, 'its answer ended before the result');
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

/** The lines of a generator's answer. One that breaks off is the generator's end, unless it was asked to stop. */
export async function* linesOf(pod: V1Pod, body: Parameters<typeof Readable.fromWeb>[0], signal: AbortSignal) {
  try {
    yield* createInterface({ input: Readable.fromWeb(body) });
  } catch (error) {
    if (signal.aborted) throw error;
    throw failed(pod, `its answer broke off: ${(error as Error).message}`);
  }
}

/** Where the API server hands requests on to a generator. */
export function proxyPath({ metadata }: V1Pod): string {
  return `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}:${generatorPort}/proxy`;
}

/** The error of a generator that has not done what it was asked to. */
export function failed(pod: V1Pod, what: string): GeneratorError {
  return new GeneratorError('LAB_GENERATOR_FAILED', {
    message: `The generator ${pod.metadata?.name} failed: ${what}`,
    remedy: `Its log: lab kubectl -n ${pod.metadata?.namespace} logs ${pod.metadata?.name} -c generator`,
  });
}

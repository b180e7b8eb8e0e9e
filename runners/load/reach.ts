import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Kube } from '../../clusters/kube/kube.ts';
import { failed, linesOf, proxyPath } from './generator-pod.ts';

/** New connections every period, and one that is kept. Attempts that take longer than the patience are refused. */
export type WatchRequest = {
  /** `host:port` of an HTTP server. */
  address: string;
  periodSeconds: number;
  patienceSeconds: number;
  longestSeconds: number;
};

/**
 * New connections begin to be answered (`open`) or cease to be (`shut`); one that is kept has its first answer (`kept`), or
 * no more (`cut`). `at` is CLOCK_MONOTONIC in seconds, as `process.hrtime` has it, of the first attempt that it befell.
 */
const ReachChange = z.object({ event: z.enum(['open', 'shut', 'kept', 'cut']), at: z.number() });
export type ReachChange = z.infer<typeof ReachChange>;

/** Has the generator in a pod watch an address, and tells of the state that it finds and of each change. */
export async function* watchReach(
  kube: Kube,
  pod: V1Pod,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<ReachChange> {
  const response = await kube.request('POST', `${proxyPath(pod)}/watches`, { body: request, signal });
  if (!response.ok || response.body === null) throw failed(pod, `${response.status} ${await response.text()}`);
  for await (const line of linesOf(pod, response.body, signal)) yield ReachChange.parse(JSON.parse(line));
  throw failed(pod, 'it has ceased to watch');
}

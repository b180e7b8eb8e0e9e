import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Kube } from '../../clusters/kube/kube.ts';
import type { Window } from './driver.ts';
import { failed, linesOf, proxyPath } from './generator-pod.ts';

/**
 * Has the generator in a pod send load, and tells when the measured window begins and ends. `result` reads what comes of it.
 * @throws GeneratorError LAB_GENERATOR_FAILED with what the generator said.
 */
export async function sendLoad<T extends object>(
  { kube, signal }: { kube: Kube; signal: AbortSignal },
  pod: V1Pod,
  { path, body, result }: { path: string; body: object; result: z.ZodType<T> },
  { onBegin, onEnd }: Window,
): Promise<T> {
  const response = await kube.request('POST', `${proxyPath(pod)}/${path}`, { body, signal });
  if (!response.ok || response.body === null) throw failed(pod, `${response.status} ${await response.text()}`);
  let outcome: T | null = null;
  // To the end of the answer: only then is the generator free for the next block.
  for await (const line of linesOf(pod, response.body, signal)) {
    if (line.trim() === '') continue;
    const told = Event.parse(JSON.parse(line));
    if (told.event === 'window-begin') onBegin();
    else if (told.event === 'window-end') onEnd();
    else if (told.event === 'error') throw failed(pod, [told.message, told.stderr].filter(Boolean).join('\n'));
    else if (told.event === 'result') outcome = result.parse(told);
  }
  if (outcome !== null) return outcome;
  throw failed(pod, 'its answer ended before the result');
}

const Event = z.discriminatedUnion('event', [
  z.object({ event: z.literal('ready') }),
  z.object({ event: z.literal('window-begin') }),
  z.object({ event: z.literal('window-end') }),
  z.looseObject({ event: z.literal('result') }),
  z.object({ event: z.literal('error'), message: z.string(), stderr: z.string().optional() }),
]);

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';

/** The generator could not send what it was asked to: the path does not carry it, or it failed itself. */
export class GeneratorError extends LabError {}

/** The port of the generator service in its pod. */
export const generatorPort = 8089;

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

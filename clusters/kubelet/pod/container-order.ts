import type { ContainerLoop } from '../container/loop.ts';
import type { PodOutcome } from './status.ts';
import type { Termination } from './termination.ts';

/**
 * Runs a pod's containers in Kubernetes' order: init containers one after the other, each to its end, sidecars once they
 * have started, then all others.
 * @param loops init containers and sidecars first, in the order of the pod.
 * @returns how the pod has ended by itself, null where it is to be ended before.
 */
export async function runInOrder(
  loops: readonly ContainerLoop[],
  termination: Termination,
): Promise<PodOutcome | null> {
  const ended = new Promise<'ended'>((resolve) => {
    if (termination.requested) resolve('ended');
    termination.signal.addEventListener('abort', () => resolve('ended'), { once: true });
  });
  const isEnded = async (what: Promise<unknown>): Promise<boolean> => (await Promise.race([what, ended])) === 'ended';
  const apps = loops.filter(({ record }) => record.kind === 'app');
  for (const loop of loops) {
    if (loop.record.kind === 'app') continue;
    if (termination.requested) return null;
    loop.begin();
    if (loop.record.kind === 'sidecar') await isEnded(loop.started);
    else if (await isEnded(loop.finished)) return null;
    else if (loop.record.state.terminated?.exitCode !== 0) return { phase: 'Failed' };
  }
  if (termination.requested) return null;
  for (const loop of apps) {
    loop.begin();
    if (await isEnded(loop.attempted)) return null;
  }
  if (await isEnded(Promise.all(apps.map(({ finished }) => finished)))) return null;
  return outcomeOf(loops);
}

/** Ends what runs. Sidecars end last, in the reverse of the order in which they began (KEP-753). */
export async function stopInOrder(loops: readonly ContainerLoop[], termination: Termination): Promise<void> {
  const running = loops.filter(({ begun }) => begun);
  const first = running.filter(({ record }) => record.kind !== 'sidecar');
  const sidecars = running.filter(({ record }) => record.kind === 'sidecar').toReversed();
  const stopped: Promise<void>[] = first.map((loop) => loop.stop(termination, Promise.resolve()));
  for (const loop of sidecars) stopped.push(loop.stop(termination, Promise.all([...stopped])));
  await Promise.all(stopped);
}

/** What a pod has come to whose containers run no more. */
export function outcomeOf(loops: readonly ContainerLoop[]): PodOutcome {
  const failed = loops.some(({ record }) => record.kind === 'app' && record.state.terminated?.exitCode !== 0);
  return { phase: failed ? 'Failed' : 'Succeeded' };
}

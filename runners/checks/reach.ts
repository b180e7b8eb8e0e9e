import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { type ReachChange, type WatchRequest, watchReach } from '../load/reach.ts';

/** What a client sees of a server: waits for the next change of a kind, and says when it was (CLOCK_MONOTONIC, seconds). */
export type Reach = { next(event: ReachChange['event']): Promise<number> };

const changeTimeoutMs = 10_000;

/** Has a generator watch an address until the signal aborts. */
export function reachOf(kube: Kube, pod: V1Pod, request: WatchRequest, signal: AbortSignal): Reach {
  const seen: ReachChange[] = [];
  const looks = new Set<() => void>();
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const read = async (): Promise<void> => {
    for await (const change of watchReach(kube, pod, request, signal)) {
      seen.push(change);
      for (const look of [...looks]) look();
    }
  };
  void read().catch(fail);
  const found = (event: ReachChange['event']): Promise<number> =>
    new Promise((resolve) => {
      const look = (): void => {
        const index = seen.findIndex((change) => change.event === event);
        const [change] = index < 0 ? [] : seen.splice(index, 1);
        if (change === undefined) return;
        looks.delete(look);
        resolve(change.at);
      };
      looks.add(look);
      look();
    });
  return {
    next(event) {
      const late = new Promise<never>((_, reject) => {
        setTimeout(
          () =>
            reject(
              new LabError('LAB_CHANGE_UNSEEN', {
                message: `${pod.metadata?.name} has not seen ${request.address} become "${event}" in ${changeTimeoutMs / 1000} s, but ${JSON.stringify(seen)}`,
              }),
            ),
          changeTimeoutMs,
        ).unref();
      });
      late.catch(() => undefined);
      return Promise.race([found(event), failed, late]);
    },
  };
}

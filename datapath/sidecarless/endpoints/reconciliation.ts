import { log } from '../agent/log.ts';
import type { Endpoint } from './endpoint.ts';
import type { Reconciler } from './reconciler.ts';

/** When policy and addresses are written. What cannot be written is tried again, by default every second. */
export type Reconciliation = {
  /** @returns whose policy could not be written, and why. @throws where addresses could not be. */
  now(): Map<Endpoint, Error>;
  /** Once for all changes of this turn of the event loop; nothing before {@link Reconciliation.begin}. */
  soon(): void;
  begin(): void;
};

/** @param onReconciled is told of each time, and how long it took. */
export function reconciliation(
  reconciler: Pick<Reconciler, 'reconcile'>,
  onReconciled: (succeeded: boolean, durationSeconds: number) => void,
  retryMs = 1000,
): Reconciliation {
  let isPlanned = false;
  let hasBegun = false;
  const now = (): Map<Endpoint, Error> => {
    const began = performance.now();
    let failures: Map<Endpoint, Error> | null = null;
    try {
      failures = reconciler.reconcile();
    } finally {
      onReconciled(failures?.size === 0, (performance.now() - began) / 1000);
    }
    for (const [{ pod }, error] of failures) {
      const { namespace, name } = pod;
      log('error', 'a pod is cut off: its policy cannot be written', { namespace, name, error: error.message });
    }
    if (failures.size > 0) setTimeout(soon, retryMs);
    return failures;
  };
  const soon = (): void => {
    if (isPlanned || !hasBegun) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      try {
        now();
      } catch (error) {
        log('error', 'maps could not be written', { error: (error as Error).message });
        setTimeout(soon, retryMs);
      }
    });
  };
  return {
    now,
    soon,
    begin() {
      hasBegun = true;
      soon();
    },
  };
}

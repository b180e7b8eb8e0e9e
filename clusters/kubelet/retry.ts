import { backOff, type Delays } from './back-off.ts';
import { longDelay } from './long-delay.ts';

/** How a thing is tried again and again. */
export type RetryOptions = {
  delays: Delays;
  /** Told of each attempt that failed, and how many have by now. */
  onFailure: (error: Error, failures: number) => void;
  /** Ends the attempts; without one they go on until one succeeds. */
  signal?: AbortSignal;
  /** Asked before each attempt: resolves when the next one may succeed, however long the wait would still be. */
  change?: () => Promise<void>;
};

/**
 * Tries until an attempt succeeds, and returns what it gave.
 * @throws the signal's reason when that aborts before one has.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  { delays, onFailure, signal, change }: RetryOptions,
): Promise<T> {
  const waits = backOff(delays);
  for (let failures = 1; ; failures++) {
    signal?.throwIfAborted();
    const changed = change?.();
    try {
      return await attempt();
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(String(error)), failures);
    }
    const nowMs = Date.now();
    waits.next(nowMs);
    await pause(waits.remainingSeconds(nowMs, nowMs), { signal, changed });
  }
}

/** Ends with the time, with the signal, or with the change, whichever comes first. */
async function pause(
  seconds: number,
  { signal, changed }: { signal: AbortSignal | undefined; changed: Promise<void> | undefined },
): Promise<void> {
  const over = new AbortController();
  const time = longDelay(seconds * 1000, signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]));
  await Promise.race([time, ...(changed === undefined ? [] : [changed])]);
  over.abort();
}

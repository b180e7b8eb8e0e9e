import { setTimeout as delay } from 'node:timers/promises';

/** Node.js takes a longer time for 1 ms. */
export const longestTimerMs = 2 ** 31 - 1;

/** Resolves after any time, or as soon as the signal aborts. */
export async function longDelay(milliseconds: number, signal: AbortSignal): Promise<void> {
  const untilMs = Date.now() + milliseconds;
  for (let leftMs = milliseconds; leftMs > 0 && !signal.aborted; leftMs = untilMs - Date.now()) {
    await delay(Math.min(leftMs, longestTimerMs), undefined, { signal }).catch(() => undefined);
  }
}

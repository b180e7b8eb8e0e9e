import { log } from '../agent/log.ts';

const retryMs = 1000;

/**
 * Does what cannot be given up, a map's entries say, which may not fit now: what fails is logged, and done again every
 * second until it succeeds or something newer is to be done for the same key.
 * @returns does `work`, now.
 */
export function persistently(what: string, signal: AbortSignal): (key: string, work: () => void) => void {
  const waiting = new Map<string, NodeJS.Timeout>();
  const attempt = (key: string, work: () => void): void => {
    clearTimeout(waiting.get(key));
    waiting.delete(key);
    try {
      work();
    } catch (error) {
      log('error', `${what} could not be written`, { key, error: (error as Error).message });
      if (!signal.aborted) waiting.set(key, setTimeout(() => attempt(key, work), retryMs).unref());
    }
  };
  return attempt;
}

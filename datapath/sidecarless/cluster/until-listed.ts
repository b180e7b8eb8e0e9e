import { setTimeout as delay } from 'node:timers/promises';
import { log } from '../agent/log.ts';

/** Waits until everything that is watched has arrived once, and says so in the log now and then. */
export async function untilListed(isListed: () => boolean, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; !isListed(); waitedMs += 20) {
    if (waitedMs > 0 && waitedMs % 5000 === 0) log('warning', 'waiting for the API server’s lists');
    await delay(20, undefined, { signal });
  }
}

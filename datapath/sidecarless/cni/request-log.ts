import { log } from '../agent/log.ts';
import type { CniOutcome } from './server.ts';

/** Writes what became of each request into the log, and tells `observe` of it. */
export function requestLog(
  observe: (command: string, succeeded: boolean, durationSeconds: number) => void,
): (outcome: CniOutcome) => void {
  return ({ request, durationSeconds, error }) => {
    const command = request?.command ?? 'unknown';
    observe(command, error === null, durationSeconds);
    const facts = { pod: request?.args ?? null, durationSeconds };
    if (error === null) log('info', `CNI ${command}`, facts);
    else log('error', `CNI ${command}`, { ...facts, error: error.message });
  };
}

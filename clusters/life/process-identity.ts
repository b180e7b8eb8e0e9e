import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { LabError } from '../error.ts';

/** A process that cannot be mistaken for a later one with the same id: start time in clock ticks since boot. */
export const ProcessIdentity = z.strictObject({ pid: z.int().positive(), startTime: z.string() });
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** Identifies a running process; null when there is none of that id. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // proc(5): the name in parentheses may contain anything; state is field 3 and the start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? null : { pid, startTime: fields[19] ?? '' };
}

/** Whether that very process is still running. */
export async function isAlive(identity: ProcessIdentity | null): Promise<boolean> {
  if (identity === null) return false;
  return (await identify(identity.pid))?.startTime === identity.startTime;
}

const endTimeoutSeconds = 10;

/**
 * Kills a process, and resolves when it has ended.
 * @throws LabError LAB_SUPERVISOR_STUCK when it does not.
 */
export async function endProcess(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
  const deadline = Date.now() + endTimeoutSeconds * 1000;
  while ((await identify(pid)) !== null) {
    if (Date.now() > deadline) {
      throw new LabError('LAB_SUPERVISOR_STUCK', {
        message: `Process ${pid} does not end after SIGKILL`,
        remedy: `Look at it: cat /proc/${pid}/stack`,
      });
    }
    await delay(10);
  }
}

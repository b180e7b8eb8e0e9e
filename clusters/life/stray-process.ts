import { readdir, readFile } from 'node:fs/promises';
import { optionsVariable } from '../supervisor/report.ts';

/**
 * Processes that a supervisor has started, and the supervisors themselves, without a journal that names them: all have
 * inherited the variable that tells a supervisor what to do.
 */
export async function strayProcesses(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stray: number[] = [];
  for (const pid of pids) {
    // Most end while they are looked at, or are the kernel's own.
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').some((variable) => variable.startsWith(`${optionsVariable}=`))) stray.push(Number(pid));
  }
  return stray;
}

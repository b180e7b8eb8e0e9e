import type { Writable } from 'node:stream';
import { compare } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import { renderComparison } from '../table/comparison.ts';
import { type Destination, keepRun } from './keep.ts';

/**
 * Stores a run, then prints its comparison, stored or not: whoever measured for minutes sees what came of it.
 * @returns the exit code: 130 interrupted, 5 broke off, 4 something is invalid, else 0.
 * @throws LabError after printing, where the run could not be stored as asked.
 */
export async function deliver(
  run: Run,
  {
    destination,
    json,
    stdout,
    stderr,
  }: { destination: Destination; json: boolean; stdout: Writable; stderr: Writable },
): Promise<number> {
  const stored = await keepRun(run, destination).catch((error: Error) => error);
  const comparison = compare(run);
  stdout.write(json ? `${JSON.stringify(comparison)}\n` : renderComparison(run, comparison, stdout));
  if (stored instanceof Error) throw stored;
  stderr.write(`Stored as ${stored}\n`);
  if (run.status.state === 'interrupted') return 130;
  if (run.status.state === 'failed') return 5;
  return comparison.rows.every(({ valid }) => valid) ? 0 : 4;
}

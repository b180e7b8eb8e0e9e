import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../../clusters/error.ts';
import { ResultError } from '../../results/result-error.ts';
import type { Run } from '../../results/run.ts';
import { save, saveAs } from '../../results/store.ts';

/** Where a run goes that cannot be written where it should be: often another disk, else memory. */
const usualRefuges: readonly string[] = [tmpdir(), '/dev/shm'];

/** Where to: the file, or the store's folder where that is null. */
export type Destination = { out: string | null; store: string; refuges?: readonly string[] };

/**
 * Stores a run; one that cannot be written where it should be goes elsewhere rather than nowhere. Resolves to its path.
 * @throws LabError with the code of what went wrong (LAB_RUN_NOT_SAVED …), saying where the run is kept, or that it is not.
 */
export async function keepRun(run: Run, { out, store, refuges = usualRefuges }: Destination): Promise<string> {
  try {
    if (out === null) return await save(store, run);
    await saveAs(out, run);
    return out;
  } catch (error) {
    if (!(error instanceof ResultError) || error.serialised === null) throw error;
    throw await keptElsewhere(error, error.serialised, `${run.id}.json`, refuges);
  }
}

async function keptElsewhere(
  error: ResultError,
  serialised: string,
  name: string,
  refuges: readonly string[],
): Promise<LabError> {
  const code = error.code as `LAB_${string}`;
  const failures: string[] = [];
  for (const refuge of refuges) {
    const path = join(refuge, name);
    try {
      await writeWhole(path, serialised);
      const remedy = `${error.remedy} It was kept as ${path}.`;
      return new LabError(code, { message: error.message, remedy, cause: error });
    } catch (failure) {
      failures.push((failure as Error).message);
    }
  }
  return new LabError(code, {
    message: `${error.message}. Nor could it be kept elsewhere (${failures.join('; ')}): its samples are lost, the comparison is all that is left of it`,
    remedy: `${error.remedy} Then run it again.`,
    cause: error,
  });
}

/** Writes a file that does not exist yet, or leaves none. */
async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Run, Status } from '../run.ts';

/** The name of a store's index, which a site can fetch to know what else there is to fetch. */
export const indexFile = 'index.json';

/** What the index tells of a run without its file being read. */
const RunEntry = z.strictObject({
  id: z.string(),
  scenario: z.string(),
  startedAt: z.string(),
  status: Status,
  methodologyVersion: z.int().positive(),
  file: z.string(),
  bytes: z.int().nonnegative(),
  cluster: z.string(),
  /** Ids of the data planes, in the order of the run. */
  dataPlanes: z.array(z.string()),
});
export type RunEntry = z.infer<typeof RunEntry>;

const Index = z.strictObject({ version: z.literal(1), runs: z.array(RunEntry) });

export function entryOf(run: Run, { file, bytes }: Pick<RunEntry, 'file' | 'bytes'>): RunEntry {
  const { id, scenario, startedAt, status, methodologyVersion, options } = run;
  const dataPlanes = [...new Set(options.planes.map(({ dataPlane }) => dataPlane))];
  return { file, bytes, id, scenario, startedAt, status, methodologyVersion, cluster: options.cluster, dataPlanes };
}

/** The entries of a store's index; none where it has none, or one that nobody understands: it can be made anew. */
export async function readIndex(directory: string): Promise<readonly RunEntry[]> {
  try {
    return Index.parse(JSON.parse(await readFile(join(directory, indexFile), 'utf8'))).runs;
  } catch {
    return [];
  }
}

/** Replaces the index at once where it has changed. A store that cannot be written to keeps what it has. */
export async function writeIndex(
  directory: string,
  runs: readonly RunEntry[],
  before: readonly RunEntry[],
): Promise<void> {
  if (JSON.stringify(runs) === JSON.stringify(before)) return;
  const path = join(directory, indexFile);
  const temporary = `${path}.${process.pid}.partial`;
  try {
    await writeFile(temporary, `${JSON.stringify({ version: 1, runs })}\n`);
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

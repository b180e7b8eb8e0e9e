import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Opens so many empty files that have no names any more, for as long as `use` runs: however this process ends, nothing
 * is left of them. Other programs open them as `/dev/fd/<n>` where they inherit them.
 */
export async function withNamelessFiles<Result>(
  count: number,
  use: (files: FileHandle[]) => Promise<Result>,
): Promise<Result> {
  const files: FileHandle[] = [];
  try {
    const directory = await mkdtemp(join(tmpdir(), 'lab-nameless-'));
    try {
      while (files.length < count) files.push(await open(join(directory, `${files.length}`), 'w+'));
    } finally {
      await rm(directory, { recursive: true });
    }
    return await use(files);
  } finally {
    for (const file of files) await file.close();
  }
}

import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { corruptRun, parseRun } from '../parse-run.ts';
import { ResultError } from '../result-error.ts';
import { Run } from '../run.ts';
import { entryOf, indexFile, type RunEntry, readIndex, writeIndex } from './run-index.ts';

/** How text gets into an open file. Comes in from outside so that a test can let it fail. */
export type Write = (file: FileHandle, text: string) => Promise<void>;

/** Where a stored run is, and what a list of runs shows. */
export type StoredRun = Omit<RunEntry, 'bytes'> & { path: string };

const writeAll: Write = (file, text) => file.writeFile(text);

/** Puts a run into the store, as `<directory>/<id>.json`; see `saveAs`. Makes the directory. Resolves to the path. */
export async function save(directory: string, run: Run, write: Write = writeAll): Promise<string> {
  const path = join(directory, `${run.id}.json`);
  await saveAs(path, run, write);
  await list(directory);
  return path;
}

/**
 * Writes a run to a file that does not exist yet: under a temporary name beside it, synced, renamed, the folder synced.
 * So the file is there whole or not at all, and nothing else is left.
 * @throws ResultError, which carries the run as text: LAB_RUN_EXISTS, LAB_RUN_NOT_SAVED (disk full, no permission …),
 * LAB_RUN_CORRUPT where what was given breaks the schema.
 */
export async function saveAs(path: string, run: Run, write: Write = writeAll): Promise<void> {
  const serialised = `${JSON.stringify(run)}\n`;
  const checked = Run.safeParse(run);
  if (!checked.success) throw corruptRun(`The run for ${path}`, checked.error, serialised);
  const temporary = join(dirname(path), `.${basename(path)}.partial`);
  try {
    await mkdir(dirname(path), { recursive: true });
    // Whoever holds the temporary name is alone in looking whether the final one is free.
    const file = await open(temporary, 'wx', 0o644);
    try {
      if (await exists(path)) throw alreadyThere(path, serialised);
      await write(file, serialised);
      await file.sync();
      await file.close();
      await rename(temporary, path);
    } catch (error) {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(dirname(path));
  } catch (error) {
    throw error instanceof ResultError ? error : notSaved(path, error, serialised);
  }
}

/**
 * Reads and checks a run; one that an earlier lab has recorded is brought to the form of today.
 * @throws ResultError LAB_RUN_UNREADABLE, LAB_RUN_CORRUPT, or LAB_RUN_SCHEMA_UNKNOWN for a later version's file.
 */
export async function load(path: string): Promise<Run> {
  return parseRun(await read(path), path);
}

/**
 * All runs of a store, oldest first, and an error for each file that is none. A missing store is an empty one. What the store's
 * index tells is not read again; the index is brought up to date.
 */
export async function list(directory: string): Promise<{ runs: StoredRun[]; errors: ResultError[] }> {
  const known = await readIndex(directory);
  const entries: RunEntry[] = [];
  const errors: ResultError[] = [];
  for (const file of await runFiles(directory)) {
    const path = join(directory, file);
    try {
      const bytes = (await stat(path)).size;
      const before = known.find((entry) => entry.file === file && entry.bytes === bytes);
      entries.push(before ?? entryOf(await load(path), { file, bytes }));
    } catch (error) {
      if (!(error instanceof ResultError)) throw error;
      errors.push(error);
    }
  }
  entries.sort((one, other) => Date.parse(one.startedAt) - Date.parse(other.startedAt));
  await writeIndex(directory, entries, known);
  return { runs: entries.map(({ bytes: _, ...run }) => ({ ...run, path: join(directory, run.file) })), errors };
}

async function runFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => name.endsWith('.json') && name !== indexFile).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(directory, error);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Makes the new name itself survive a power cut. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function alreadyThere(path: string, serialised: string): ResultError {
  return new ResultError('LAB_RUN_EXISTS', {
    message: `${path} exists already, and recorded runs are never overwritten`,
    remedy: 'Save under another name.',
    exitCode: 2,
    serialised,
  });
}

function notSaved(path: string, error: unknown, serialised: string): ResultError {
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EACCES: 'permission was denied',
    EROFS: 'the file system is read-only',
    EEXIST: `${(error as NodeJS.ErrnoException).path} is in the way`,
  };
  const code = errnoOf(error);
  const why = reasons[code ?? ''] ?? (error as Error).message;
  const kibibytes = Math.ceil(Buffer.byteLength(serialised) / 1024);
  return new ResultError('LAB_RUN_NOT_SAVED', {
    message: `The run could not be written to ${path}: ${why}${code === null ? '' : ` (${code})`}. Nothing was left behind there`,
    remedy: `The run needs ${kibibytes} KiB: make room there, or save it elsewhere.`,
    exitCode: 5,
    cause: error,
    serialised,
  });
}

function unreadable(path: string, error: unknown): ResultError {
  return new ResultError('LAB_RUN_UNREADABLE', {
    message: `${path} cannot be read: ${(error as Error).message}`,
    remedy: 'Give the path of a run that exists and that you may read.',
    exitCode: 2,
    cause: error,
  });
}

function errnoOf(error: unknown): string | null {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : null;
}

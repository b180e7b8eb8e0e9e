import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { migrate } from './migrations.ts';
import { ResultError } from './result-error.ts';
import { Run, schemaVersion } from './run.ts';

/** How text gets into an open file. Comes in from outside so that a test can let it fail. */
export type Write = (file: FileHandle, text: string) => Promise<void>;

/** Where a stored run is, and what a list of runs shows. */
export type StoredRun = Pick<Run, 'id' | 'scenario' | 'startedAt' | 'status'> & { path: string };

const writeAll: Write = (file, text) => file.writeFile(text);

/** Puts a run into the store, as `<directory>/<id>.json`; see `saveAs`. Makes the directory. Resolves to the path. */
export async function save(directory: string, run: Run, write: Write = writeAll): Promise<string> {
  const path = join(directory, `${run.id}.json`);
  await saveAs(path, run, write);
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
  if (!checked.success) throw corrupt(`The run for ${path}`, checked.error, serialised);
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
  const value = parseJson(path, await read(path));
  const version = z.looseObject({ schemaVersion: z.int() }).safeParse(value);
  const run = Run.safeParse(version.success ? migrated(path, value, version.data.schemaVersion) : value);
  if (!run.success) throw corrupt(path, run.error);
  return run.data;
}

function migrated(path: string, value: unknown, version: number): unknown {
  let migrated: unknown;
  try {
    migrated = migrate(value);
  } catch (error) {
    throw error instanceof z.ZodError ? corrupt(path, error) : error;
  }
  if (migrated !== null) return migrated;
  throw new ResultError('LAB_RUN_SCHEMA_UNKNOWN', {
    message: `${path} has schema version ${version}; this lab reads versions 1 to ${schemaVersion}`,
    remedy: 'Read it with the version of the lab that wrote it.',
    exitCode: 2,
  });
}

/** All runs of a store, oldest first, and an error for each file that is none. A missing store is an empty one. */
export async function list(directory: string): Promise<{ runs: StoredRun[]; errors: ResultError[] }> {
  const runs: StoredRun[] = [];
  const errors: ResultError[] = [];
  for (const name of await runFiles(directory)) {
    const path = join(directory, name);
    try {
      const { id, scenario, startedAt, status } = await load(path);
      runs.push({ id, scenario, startedAt, status, path });
    } catch (error) {
      if (!(error instanceof ResultError)) throw error;
      errors.push(error);
    }
  }
  return { runs: runs.sort((one, other) => Date.parse(one.startedAt) - Date.parse(other.startedAt)), errors };
}

async function runFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => name.endsWith('.json')).sort();
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

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ResultError('LAB_RUN_CORRUPT', {
      message: `${path} is not a run: it is not JSON (${(error as Error).message})`,
      remedy: 'Take it out of the folder, or restore it: it was cut short, edited, or never written by the lab.',
      exitCode: 2,
      cause: error,
    });
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

function corrupt(subject: string, error: z.ZodError, serialised?: string): ResultError {
  const shown = error.issues.slice(0, 3).map(({ path, message }) => `${z.core.toDotPath(path) || 'it'}: ${message}`);
  const more = error.issues.length > shown.length ? `; and ${error.issues.length - shown.length} more` : '';
  return new ResultError('LAB_RUN_CORRUPT', {
    message: `${subject} is not a run of schema version ${schemaVersion}: ${shown.join('; ')}${more}`,
    remedy:
      serialised === undefined
        ? 'Take it out of the folder, or restore it: it was edited, or never written by the lab.'
        : 'This is a defect of the lab: keep the text of the run and report it.',
    exitCode: serialised === undefined ? 2 : 5,
    cause: error,
    ...(serialised === undefined ? {} : { serialised }),
  });
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

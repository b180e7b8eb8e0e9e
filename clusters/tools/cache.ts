import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { lockFile } from '../file-lock.ts';

/** What making a tool is given: when to stop, and whom to tell what happens. */
export type CacheContext = { signal: AbortSignal; progress: (message: string) => void };

/**
 * A thing of the cache: its name for messages, and what fills an empty directory with it. `series`: how the names of what
 * it stands in the place of begin, where that is too large to be kept.
 */
export type Cached = { name: string; series?: string; make(directory: string): Promise<void> };

/**
 * `manifest.json` beside the files of a cached directory. `stamp` is size, inode and time of change in nanoseconds: while it
 * holds, the content need not be read again.
 */
const Manifest = z.strictObject({
  files: z.record(z.string(), z.strictObject({ sha256: z.string(), stamp: z.string() })),
});
type Manifest = z.infer<typeof Manifest>;

const manifestName = 'manifest.json';

/**
 * Makes sure that `directory` holds what `make` made, whole and unchanged; otherwise makes it, in a directory beside
 * that is synced and then renamed. What an interrupted call left is removed. Of two processes one makes it and the
 * other waits.
 */
export async function ensureCached(directory: string, cached: Cached, context: CacheContext): Promise<void> {
  if (await isWhole(directory)) return;
  await mkdir(dirname(directory), { recursive: true });
  const unlock = await lockFile(`${directory}.lock`, {
    signal: context.signal,
    onWait: () => context.progress(`${cached.name}: another lab is making it; waiting`),
  });
  try {
    if (await isWhole(directory)) return;
    await removeRemains(directory);
    const draft = await mkdtemp(`${directory}.draft-`);
    // Pods run these programs under users of their own.
    await chmod(draft, 0o755);
    try {
      await cached.make(draft);
      await seal(draft);
      await rename(draft, directory);
      await sync(dirname(directory));
      if (cached.series !== undefined) await removeOlder(directory, cached.series);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  } finally {
    await unlock();
  }
}

/** Whether the directory's files are the ones that were made. Reads only those that changed since they were last checked. */
export async function isWhole(directory: string): Promise<boolean> {
  const manifest = await readManifest(directory);
  if (manifest === null) return false;
  let changed = false;
  for (const [path, recorded] of Object.entries(manifest.files)) {
    const file = join(directory, path);
    const stamp = await stampOf(file);
    if (stamp === recorded.stamp) continue;
    if (stamp === null || (await sha256(file)) !== recorded.sha256) return false;
    recorded.stamp = stamp;
    changed = true;
  }
  // A copied or touched cache is checked once; where it cannot be written, at every start.
  if (changed) await writeManifest(directory, manifest).catch(() => undefined);
  return true;
}

/** The lab's folder for what can be made again: `$XDG_CACHE_HOME/lab`, by default `~/.cache/lab`. */
export function cacheRoot(): string {
  const base = process.env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'lab');
}

/** The path of something in the cache without where the cache is: for hashes, which are to be the same everywhere. */
export function cacheName(path: string): string {
  return relative(cacheRoot(), path);
}

/** Twelve hexadecimal digits that change with any part of `value`, which must be plain JSON. */
export function contentHash(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}

async function readManifest(directory: string): Promise<Manifest | null> {
  const text = await readFile(join(directory, manifestName), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return Manifest.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const draft = join(directory, `${manifestName}.${process.pid}`);
  await writeFile(draft, `${JSON.stringify(manifest)}\n`);
  await sync(draft);
  await rename(draft, join(directory, manifestName));
}

async function removeRemains(directory: string): Promise<void> {
  const remains = (await readdir(dirname(directory))).filter(
    (name) => name === basename(directory) || name.startsWith(`${basename(directory)}.draft-`),
  );
  for (const name of remains) await rm(join(dirname(directory), name), { recursive: true, force: true });
}

async function removeOlder(directory: string, series: string): Promise<void> {
  const older = (await readdir(dirname(directory))).filter(
    (name) =>
      name.startsWith(series) && /^[0-9a-f]{12}$/.test(name.slice(series.length)) && name !== basename(directory),
  );
  for (const name of older) await rm(join(dirname(directory), name), { recursive: true, force: true });
}

async function seal(directory: string): Promise<void> {
  const manifest: Manifest = { files: {} };
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    await sync(file);
    const stamp = await stampOf(file);
    if (stamp === null) throw new Error(`${file} vanished`);
    manifest.files[file.slice(directory.length + 1)] = { sha256: await sha256(file), stamp };
  }
  if (Object.keys(manifest.files).length === 0) throw new Error(`nothing was made in ${directory}`);
  await writeManifest(directory, manifest);
  await sync(directory);
}

async function stampOf(file: string): Promise<string | null> {
  const found = await stat(file, { bigint: true }).catch(() => null);
  return found === null ? null : `${found.size}:${found.ino}:${found.ctimeNs}`;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

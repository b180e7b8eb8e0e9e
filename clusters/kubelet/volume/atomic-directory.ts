import { chmod, chown, mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A file of a volume: its content, mode bits and owner (null leaves root). */
export type VolumeFile = { data: Uint8Array; mode: number; uid: number | null; gid: number | null };

/** What a volume holds: relative path to file. */
export type Payload = ReadonlyMap<string, VolumeFile>;

const dataLink = '..data';

/**
 * Makes the directory hold exactly these files so that readers see the old set or the new one, never a mixture: the
 * files are links into `..data`, a link that is replaced by one rename (Kubernetes' AtomicWriter).
 */
export async function writeAtomically(directory: string, payload: Payload): Promise<void> {
  await mkdir(directory, { recursive: true });
  const version = await mkdtemp(join(directory, `..${new Date().toISOString().replace(/\D/g, '_')}`));
  await chmod(version, 0o755);
  for (const [path, { data, mode, uid, gid }] of payload) {
    const file = join(version, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, data, { mode });
    await chmod(file, mode);
    if (uid !== null || gid !== null) await chown(file, uid ?? 0, gid ?? 0);
  }
  const previous = await readlink(join(directory, dataLink)).catch(() => null);
  const temporary = join(directory, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(version.slice(directory.length).replace(/^\//, ''), temporary);
  await rename(temporary, join(directory, dataLink));

  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? ''));
  const present = (await readdir(directory)).filter((name) => !name.startsWith('..'));
  for (const name of wanted) {
    if (!present.includes(name)) await symlink(join(dataLink, name), join(directory, name));
  }
  for (const name of present) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
  if (previous !== null) await rm(join(directory, previous), { recursive: true, force: true });
}

/** Whether two payloads have the same files with the same content and mode. */
export function isSamePayload(a: Payload, b: Payload): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([path, file]) => {
    const other = b.get(path);
    return other !== undefined && other.mode === file.mode && Buffer.compare(other.data, file.data) === 0;
  });
}

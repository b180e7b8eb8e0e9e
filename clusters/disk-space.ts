import { statfs } from 'node:fs/promises';
import { LabError } from './error.ts';

/**
 * Makes sure that a directory's file system has room before something long is begun.
 * @throws LabError LAB_DISK_LOW (exit 3) with what there is and what it takes.
 */
export async function requireSpace(directory: string, { bytes, what }: { bytes: number; what: string }): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new LabError('LAB_DISK_LOW', {
    message: `${what} takes ${gigabytes(bytes)} of disk, and ${directory} has ${gigabytes(free)} free`,
    remedy: 'Make room there, or set XDG_CACHE_HOME to a folder on another disk.',
    exitCode: 3,
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

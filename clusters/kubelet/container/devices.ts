import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A device node as the OCI runtime specification describes it. */
export type Device = {
  path: string;
  type: 'c' | 'b';
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
};

// Terminals and queues are file systems of the container's own; consoles are the host's.
const ownOfContainer = new Set(['pts', 'shm', 'mqueue', 'fd', 'console', 'stdin', 'stdout', 'stderr', 'core', 'ptmx']);

/** All devices of the host: what a privileged container gets. */
export function hostDevices(directory = '/dev'): Device[] {
  return entries(directory).flatMap((entry): Device[] => {
    const path = join(directory, entry.name);
    if (ownOfContainer.has(entry.name)) return [];
    if (entry.isDirectory()) return hostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const { rdev, mode, uid, gid } = statSync(path);
    return [
      { path, type: entry.isBlockDevice() ? 'b' : 'c', ...deviceNumber(rdev), fileMode: mode & 0o7777, uid, gid },
    ];
  });
}

/** Splits a device number as the kernel packs it for user space (makedev(3)). */
function deviceNumber(rdev: number): { major: number; minor: number } {
  const packed = BigInt(rdev);
  return {
    major: Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn)),
    minor: Number((packed & 0xffn) | ((packed >> 12n) & ~0xffn & 0xffffffffn)),
  };
}

function entries(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

import type { Stats } from 'node:fs';
import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from '../../error.ts';
import { resolveOnNode } from '../node/runtime-node.ts';

type Requirement = { what: string; is(stat: Stats): boolean };

const requirements: Readonly<Record<string, Requirement>> = {
  Directory: { what: 'a directory', is: (stat) => stat.isDirectory() },
  DirectoryOrCreate: { what: 'a directory', is: (stat) => stat.isDirectory() },
  File: { what: 'a file', is: (stat) => stat.isFile() },
  FileOrCreate: { what: 'a file', is: (stat) => stat.isFile() },
  Socket: { what: 'a socket file', is: (stat) => stat.isSocket() },
  CharDevice: { what: 'a character device', is: (stat) => stat.isCharacterDevice() },
  BlockDevice: { what: 'a block device', is: (stat) => stat.isBlockDevice() },
};

/**
 * Compares a hostPath volume with its type, makes what the type says is to be made, and returns the path on the node.
 * @param root where the node's root is for this process.
 * @throws LabError LAB_VOLUME_FAILED in kubelet's words.
 */
export async function prepareHostPath(root: string, path: string, type: string): Promise<string> {
  const resolved = await resolveOnNode(root, path);
  const here = join(root, resolved);
  const found = await lstat(here).catch(() => null);
  // Without a type, what is not there becomes a directory, as containerd makes it.
  if (found === null && (type === '' || type === 'DirectoryOrCreate')) await mkdir(here, { recursive: true });
  else if (found === null && type === 'FileOrCreate') {
    await mkdir(dirname(here), { recursive: true });
    await writeFile(here, '', { flag: 'a', mode: 0o644 });
  } else {
    const required = requirements[type];
    if (required !== undefined && (found === null || !required.is(found))) {
      throw new LabError('LAB_VOLUME_FAILED', {
        message: `hostPath type check failed: ${path} is not ${required.what}`,
      });
    }
  }
  return resolved;
}

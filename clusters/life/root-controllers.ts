import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const hostRoot = '/sys/fs/cgroup';

/**
 * The controllers that the root of cgroup v2 gives its children, null on a host with v1. For a container in the lab's
 * subtree, runc gives all that there are: that outlives the subtree.
 */
export async function readRootControllers(root = hostRoot): Promise<string[] | null> {
  const text = await readFile(join(root, 'cgroup.subtree_control'), 'utf8').catch(() => null);
  return text?.split(/\s+/).filter((name) => name !== '') ?? null;
}

/** Takes those away that were given since. One that a child has given on meanwhile is in use, and stays. */
export async function resetRootControllers(before: readonly string[], root = hostRoot): Promise<void> {
  const since = ((await readRootControllers(root)) ?? []).filter((name) => !before.includes(name));
  for (const name of since) {
    await writeFile(join(root, 'cgroup.subtree_control'), `-${name}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EBUSY') throw error;
    });
  }
}

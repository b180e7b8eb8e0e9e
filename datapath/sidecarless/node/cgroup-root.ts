import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../../clusters/error.ts';

/**
 * The cgroup of version 2 below which this node's pods are, and nobody else's: the one that kubelet has made its own in. On a
 * host with version 1 and 2 side by side it is in the second hierarchy. Found by the cgroup that this process itself is
 * in, since a container need not see where that is.
 * @param mount where the node's /sys/fs/cgroup is for this process.
 */
export async function findCgroupRoot(mount: string): Promise<string> {
  const hierarchy = await version2(mount);
  const path = await find(hierarchy, []);
  const index = path?.findIndex((name) => name.includes('kubepods')) ?? -1;
  if (path === null || index < 0) {
    throw new LabError('LAB_CGROUP_ROOT', {
      message: `The cgroup of this node's pods is not below ${hierarchy}`,
      remedy: 'The agent must run as a pod with the node’s /sys/fs/cgroup mounted.',
    });
  }
  return join(hierarchy, ...path.slice(0, index));
}

async function version2(mount: string): Promise<string> {
  for (const candidate of [mount, join(mount, 'unified')]) {
    if (
      await stat(join(candidate, 'cgroup.controllers')).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  throw new LabError('LAB_CGROUP_ROOT', {
    message: `There are no cgroups of version 2 at ${mount}`,
    remedy: 'Mount them: mount -t cgroup2 none /sys/fs/cgroup/unified',
    exitCode: 3,
  });
}

/** The names on the way from `directory` to the cgroup of this process; null where it is not below it. */
async function find(directory: string, way: string[]): Promise<string[] | null> {
  const processes = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  if (processes.split('\n').includes(String(process.pid))) return way;
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const found = await find(join(directory, entry.name), [...way, entry.name]);
    if (found !== null) return found;
  }
  return null;
}

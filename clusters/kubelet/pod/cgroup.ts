import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hierarchies } from '../../life/cgroup.ts';

/** A pod's cgroup, from the root of every hierarchy. Each container's is below it, named by the container's id. */
export function podCgroup(root: string, node: string, uid: string): string {
  return `/${root}/${node}/kubepods/pod${uid}`;
}

/** Removes a pod's cgroup when its containers' are gone. */
export async function removePodCgroup(path: string): Promise<void> {
  await removeEmpty(path);
}

/** Removes a node's cgroups when its pods' are gone. */
export async function removeNodeCgroup(root: string, node: string): Promise<void> {
  await removeEmpty(`/${root}/${node}/kubepods`);
  await removeEmpty(`/${root}/${node}`);
}

async function removeEmpty(path: string): Promise<void> {
  await Promise.all((await hierarchies()).map((point) => rmdir(join(point, path)).catch(() => undefined)));
}

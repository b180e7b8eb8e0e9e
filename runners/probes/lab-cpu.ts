import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupRoot } from '../../clusters/life/paths.ts';
import { type Figure, figure, missing } from '../../results/figure.ts';
import { readCpuSeconds } from './pod-cgroups.ts';

/** The lab's subtree of cgroups, and below it those that hold all pods of a node: one for each node. */
export type LabCgroups = { all: string; pods: readonly string[] };

/**
 * Finds the lab's cgroups; null where the nodes are not in them: they are containers of an engine that is not the lab's own.
 * @param root where the host mounts its cgroups.
 */
export function findLabCgroups(root = '/sys/fs/cgroup'): LabCgroups | null {
  const all = join(existsSync(join(root, 'cgroup.controllers')) ? root : join(root, 'cpuacct'), cgroupRoot);
  const pods = podDirectories(all);
  return pods.length === 0 ? null : { all, pods };
}

/** Why nothing is known of the lab's own processes where its cgroups do not hold the nodes. */
export const nodesElsewhere = 'the nodes are containers of an engine that is not the lab’s own';

/** CPU seconds of this process and of all that belongs to the cluster, but for its pods, since they began. */
export function readLabSeconds(cgroups: LabCgroups | null): Figure {
  if (cgroups === null) return missing(nodesElsewhere);
  const { user, system } = process.cpuUsage();
  const all = readCpuSeconds(cgroups.all);
  if (all === null) return missing('the lab’s cgroup has gone');
  const pods = cgroups.pods.reduce((sum, directory) => sum + (readCpuSeconds(directory) ?? 0), 0);
  return figure((user + system) / 1e6 + all - pods);
}

/** kubelet's and our own are `kubepods`, with the systemd driver `kubepods.slice`. */
function podDirectories(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const path = join(directory, name);
      return name.startsWith('kubepods') || name.endsWith('kubepods.slice') ? [path] : podDirectories(path);
    });
}

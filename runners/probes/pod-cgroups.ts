import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import { type Figure, figure, missing, sumOf } from '../../results/figure.ts';
import type { Role } from '../../results/vocabulary.ts';

/** A container's cgroup directories: on cgroup v1 each controller has its own, on v2 they are one. */
export type CgroupDirectories = { cpu: string; memory: string };

/** A container that has a role; `directories` is null where it has no cgroup just now: it is about to start again, say. */
export type ContainerCgroup = { pod: string; container: string; role: Role; directories: CgroupDirectories | null };

/** CPU time (since the container started, seconds) and memory in use (without reclaimable file cache, bytes), by role. */
export type RoleUsage = Partial<Record<Role, { cpuSeconds: Figure; memoryBytes: Figure }>>;

// kubelet nests pods below quality-of-service classes, and kind below a node's container: never deeper than this.
const maximumDepth = 8;

/**
 * Finds the cgroups of all containers of some pods, by the pod's UID and the container's id, wherever the node has put
 * them. Init containers that are done are left out.
 * @param roleOf whose CPU a container's time is; containers without a role are left out.
 * @param root where the host mounts its cgroups.
 * @throws LabError LAB_CGROUP_NOT_FOUND when not one of them has a cgroup: this host mounts them elsewhere.
 */
export function findContainerCgroups(
  pods: readonly V1Pod[],
  roleOf: (pod: V1Pod, container: string) => Role | null,
  root = '/sys/fs/cgroup',
): ContainerCgroup[] {
  const v2 = existsSync(join(root, 'cgroup.controllers'));
  const uids = new Set(pods.map((pod) => pod.metadata?.uid ?? ''));
  const cpuDirectories = findPodDirectories(v2 ? root : join(root, 'cpuacct'), uids);
  const memoryDirectories = v2 ? cpuDirectories : findPodDirectories(join(root, 'memory'), uids);
  const containers = pods.flatMap((pod) => {
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    return statuses.flatMap(({ name, containerID, state }): ContainerCgroup[] => {
      const role = roleOf(pod, name);
      if (role === null || state?.terminated?.exitCode === 0) return [];
      const uid = pod.metadata?.uid ?? '';
      const id = (containerID ?? '').split('://')[1] ?? '';
      const cpu = containerDirectory(cpuDirectories.get(uid), id);
      const memory = containerDirectory(memoryDirectories.get(uid), id);
      const directories = state?.running !== undefined && cpu !== null && memory !== null ? { cpu, memory } : null;
      return [{ pod: pod.metadata?.name ?? '', container: name, role, directories }];
    });
  });
  if (containers.length > 0 && containers.every(({ directories }) => directories === null))
    throw notFound(containers, root);
  return containers;
}

/** Whether all containers still run in the cgroups that were found for them; one that was started again has another. */
export function areCurrent(containers: readonly ContainerCgroup[]): boolean {
  return containers.every(({ directories }) => directories !== null && existsSync(directories.cpu));
}

/** Sums what the containers of each role have used; missing for a role as soon as one of its containers has no cgroup. */
export function readRoleUsage(containers: readonly ContainerCgroup[]): RoleUsage {
  const usage: RoleUsage = {};
  for (const { role, pod, container, directories } of containers) {
    const sum = usage[role] ?? { cpuSeconds: figure(0), memoryBytes: figure(0) };
    const gone = `container ${container} of ${pod} (role ${role}) ended or started again during the block`;
    const read = (value: number | null): Figure => (value === null ? missing(gone) : figure(value));
    usage[role] = {
      cpuSeconds: sumOf([sum.cpuSeconds, read(directories === null ? null : readCpuSeconds(directories.cpu))]),
      memoryBytes: sumOf([sum.memoryBytes, read(directories === null ? null : readMemoryBytes(directories.memory))]),
    };
  }
  return usage;
}

function readCpuSeconds(directory: string): number | null {
  const nanoseconds = read(join(directory, 'cpuacct.usage'));
  if (nanoseconds !== null) return Number(nanoseconds) / 1e9;
  const microseconds = field(read(join(directory, 'cpu.stat')), 'usage_usec');
  return microseconds === null ? null : microseconds / 1e6;
}

function readMemoryBytes(directory: string): number | null {
  const v1 = read(join(directory, 'memory.usage_in_bytes'));
  const total = v1 ?? read(join(directory, 'memory.current'));
  const reclaimable = field(
    read(join(directory, 'memory.stat')),
    v1 === null ? 'inactive_file' : 'total_inactive_file',
  );
  return total === null || reclaimable === null ? null : Number(total) - reclaimable;
}

function findPodDirectories(top: string, uids: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: string, depth: number): void => {
    for (const name of subdirectories(directory)) {
      const path = join(directory, name);
      // The systemd driver writes `kubepods-besteffort-pod<uid with _>.slice`.
      const uid = /pod([0-9a-f_-]{36})(\.slice)?$/.exec(name)?.[1]?.replaceAll('_', '-');
      if (uid !== undefined && uids.has(uid)) found.set(uid, path);
      else if (depth < maximumDepth) visit(path, depth + 1);
    }
  };
  visit(top, 1);
  return found;
}

function containerDirectory(pod: string | undefined, id: string): string | null {
  if (pod === undefined || id === '') return null;
  const name = subdirectories(pod).find((entry) => entry.includes(id));
  return name === undefined ? null : join(pod, name);
}

/** Other cgroups of the host come and go while this looks: what is gone has no subdirectories. */
function subdirectories(directory: string): string[] {
  const entries = unlessGone(() => readdirSync(directory, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function read(path: string): string | null {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

function unlessGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    // ENODEV: the cgroup went between the opening of its file and the reading.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

function field(text: string | null, name: string): number | null {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}

function notFound([first]: readonly ContainerCgroup[], root: string): LabError {
  return new LabError('LAB_CGROUP_NOT_FOUND', {
    message: `No container has a cgroup of its own below ${root}, not even ${first?.container} of pod ${first?.pod}`,
    remedy: 'CPU time by role cannot be measured like this; `lab doctor` says how this host mounts cgroups.',
  });
}

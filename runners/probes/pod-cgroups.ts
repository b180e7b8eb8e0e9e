import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { Role } from '../../datapath/data-plane.ts';

/** A container's cgroup directories: on cgroup v1 each controller has its own, on v2 they are one. */
export type ContainerCgroup = { pod: string; container: string; role: Role; cpu: string; memory: string };

/** CPU time (since the container started, seconds) and memory in use (without reclaimable file cache, bytes), by role. */
export type RoleUsage = Partial<Record<Role, { cpuSeconds: number; memoryBytes: number }>>;

const root = '/sys/fs/cgroup';

// kubelet nests pods below quality-of-service classes, and kind below a node's container: never deeper than this.
const maximumDepth = 8;

/**
 * Finds the cgroups of all running containers of some pods, by the pod's UID and the container's id, wherever the node
 * has put them.
 * @param roleOf whose CPU a container's time is; containers without a role are left out.
 * @throws LabError LAB_CGROUP_NOT_FOUND when a running container has none.
 */
export function findContainerCgroups(
  pods: readonly V1Pod[],
  roleOf: (pod: V1Pod, container: string) => Role | null,
): ContainerCgroup[] {
  const v2 = existsSync(join(root, 'cgroup.controllers'));
  const uids = new Set(pods.map((pod) => pod.metadata?.uid ?? ''));
  const cpuDirectories = findPodDirectories(v2 ? root : join(root, 'cpuacct'), uids);
  const memoryDirectories = v2 ? cpuDirectories : findPodDirectories(join(root, 'memory'), uids);
  return pods.flatMap((pod) => {
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    return statuses.flatMap(({ name, containerID, state }) => {
      const role = roleOf(pod, name);
      if (role === null || state?.running === undefined) return [];
      const uid = pod.metadata?.uid ?? '';
      const id = (containerID ?? '').split('://')[1] ?? '';
      const cpu = containerDirectory(cpuDirectories.get(uid), id);
      const memory = containerDirectory(memoryDirectories.get(uid), id);
      if (cpu === null || memory === null) throw notFound(pod, name);
      return [{ pod: pod.metadata?.name ?? '', container: name, role, cpu, memory }];
    });
  });
}

/** Sums what the containers of each role have used. */
export function readRoleUsage(containers: readonly ContainerCgroup[]): RoleUsage {
  const usage: RoleUsage = {};
  for (const { role, cpu, memory } of containers) {
    const sum = usage[role] ?? { cpuSeconds: 0, memoryBytes: 0 };
    usage[role] = {
      cpuSeconds: sum.cpuSeconds + readCpuSeconds(cpu),
      memoryBytes: sum.memoryBytes + readMemoryBytes(memory),
    };
  }
  return usage;
}

function readCpuSeconds(directory: string): number {
  const nanoseconds = read(join(directory, 'cpuacct.usage'));
  if (nanoseconds !== null) return Number(nanoseconds) / 1e9;
  return field(read(join(directory, 'cpu.stat')) ?? '', 'usage_usec') / 1e6;
}

function readMemoryBytes(directory: string): number {
  const v1 = read(join(directory, 'memory.usage_in_bytes'));
  const total = Number(v1 ?? read(join(directory, 'memory.current')) ?? Number.NaN);
  const stat = read(join(directory, 'memory.stat')) ?? '';
  return total - field(stat, v1 === null ? 'inactive_file' : 'total_inactive_file');
}

function findPodDirectories(top: string, uids: ReadonlySet<string>): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: string, depth: number): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(directory, entry.name);
      // The systemd driver writes `kubepods-besteffort-pod<uid with _>.slice`.
      const uid = /pod([0-9a-f_-]{36})(\.slice)?$/.exec(entry.name)?.[1]?.replaceAll('_', '-');
      if (uid !== undefined && uids.has(uid)) found.set(uid, path);
      else if (depth < maximumDepth) visit(path, depth + 1);
    }
  };
  visit(top, 1);
  return found;
}

function containerDirectory(pod: string | undefined, id: string): string | null {
  if (pod === undefined || id === '') return null;
  const name = readdirSync(pod).find((entry) => entry.includes(id));
  return name === undefined ? null : join(pod, name);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function field(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

function notFound(pod: V1Pod, container: string): LabError {
  return new LabError('LAB_CGROUP_NOT_FOUND', {
    message: `Container ${container} of pod ${pod.metadata?.name} runs, but no cgroup below ${root} is its own`,
    remedy: 'CPU time by role cannot be measured like this; `lab doctor` says how this host mounts cgroups.',
  });
}

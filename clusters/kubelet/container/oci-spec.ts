import type { Device } from './devices.ts';
import type { CgroupLimits } from './resources.ts';

export type Mount = { destination: string; type?: string; source?: string; options: readonly string[] };

/** Everything that decides how a container runs. Paths are the node's. */
export type ContainerPlan = {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  workingDir: string;
  hostname: string;
  user: { uid: number; gid: number; additionalGids: readonly number[] };
  /** As `CAP_X`, already within what the host has. */
  capabilities: readonly string[];
  noNewPrivileges: boolean;
  readOnlyRoot: boolean;
  privileged: boolean;
  /** Devices beyond the standard ones. */
  devices: readonly Device[];
  /** Path of the pod's network namespace; null leaves the container in the node's. */
  networkNamespace: string | null;
  hostPid: boolean;
  /** What the pod's containers share of IPC; null leaves the container in the node's. */
  ipc: { namespace: string; sharedMemory: string } | null;
  /**
   * What it sees at /sys/fs/cgroup: v1's hierarchies, or of v2 its `own` cgroup as the root, or, privileged, all that the
   * `host` has, as containerd has it.
   */
  cgroupView: 'v1' | 'own' | 'host';
  /** From the root of every cgroup hierarchy. */
  cgroupsPath: string;
  limits: CgroupLimits;
  /** Whether the host counts swap by cgroup; runc fails where it is to set a limit that is not there. */
  swapIsCounted: boolean;
  sysctls: Readonly<Record<string, string>>;
  /** Image and volumes, beside the standard file systems. */
  mounts: readonly Mount[];
  /** Whether mounts that the node makes later are to be seen (`rslave`), and the container's by the node too (`rshared`). */
  propagation: 'rslave' | 'rshared' | null;
};

/**
 * A bundle's config.json (OCI runtime specification 1.0.2) with containerd's defaults, but for resource limits and
 * the out-of-memory score, which are left as they are: a host may not let its root change them.
 */
export function ociSpec(plan: ContainerPlan): object {
  const { capabilities, privileged, cgroupView } = plan;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: plan.user,
      args: plan.args,
      env: Object.entries(plan.env).map(([name, value]) => `${name}=${value}`),
      cwd: plan.workingDir,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: plan.noNewPrivileges,
    },
    root: { path: 'rootfs', readonly: plan.readOnlyRoot },
    hostname: plan.hostname,
    mounts: withoutReplaced([...standardMounts(plan), cgroupMount(privileged, cgroupView)], plan.mounts),
    linux: {
      namespaces: namespaces(plan),
      cgroupsPath: plan.cgroupsPath,
      resources: resources(plan),
      ...(plan.devices.length === 0 ? {} : { devices: plan.devices }),
      ...(Object.keys(plan.sysctls).length === 0 ? {} : { sysctl: plan.sysctls }),
      ...(plan.propagation === null ? {} : { rootfsPropagation: plan.propagation }),
      ...(privileged ? {} : { maskedPaths, readonlyPaths }),
    },
  };
}

const kernelOptions = (privileged: boolean): string[] => ['nosuid', 'noexec', 'nodev', privileged ? 'rw' : 'ro'];

function standardMounts({ privileged, ipc }: ContainerPlan): Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'bind',
      source: ipc?.sharedMemory ?? '/dev/shm',
      options: ['rbind', 'nosuid', 'noexec', 'nodev'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: kernelOptions(privileged) },
  ];
}

/**
 * Whoever mounts v2 anew in the first cgroup namespace sets the options of the host's own mount: there is one superblock,
 * and `nsdelegate` would be gone for all. There the mount that is there is shown instead.
 */
function cgroupMount(privileged: boolean, view: ContainerPlan['cgroupView']): Mount {
  const destination = '/sys/fs/cgroup';
  const options = kernelOptions(privileged);
  return view === 'host'
    ? { destination, type: 'bind', source: destination, options: ['rbind', ...options, 'rprivate'] }
    : { destination, type: 'cgroup', source: 'cgroup', options: [...options, 'relatime'] };
}

/** A volume that is mounted where a standard file system would be takes its place. Parents are mounted first. */
function withoutReplaced(standard: readonly Mount[], own: readonly Mount[]): Mount[] {
  const replaced = new Set(own.map(({ destination }) => destination));
  const depth = ({ destination }: Mount): number => destination.split('/').length;
  return [
    ...standard.filter(({ destination }) => !replaced.has(destination)),
    ...own.toSorted((a, b) => depth(a) - depth(b)),
  ];
}

function namespaces({ networkNamespace, hostPid, ipc, cgroupView }: ContainerPlan): object[] {
  return [
    ...(hostPid ? [] : [{ type: 'pid' }]),
    ...(ipc === null ? [] : [{ type: 'ipc', path: ipc.namespace }]),
    { type: 'uts' },
    { type: 'mount' },
    ...(cgroupView === 'own' ? [{ type: 'cgroup' }] : []),
    ...(networkNamespace === null ? [] : [{ type: 'network', path: networkNamespace }]),
  ];
}

function resources({ privileged, limits, swapIsCounted }: ContainerPlan): object {
  return {
    // Denied first: runc then allows the standard devices and those that the bundle names.
    devices: [{ allow: privileged, access: 'rwm' }],
    cpu: {
      shares: limits.cpuShares,
      ...(limits.cpuQuota === null ? {} : { quota: limits.cpuQuota, period: limits.cpuPeriod }),
    },
    ...(limits.memoryBytes === null ? {} : { memory: memory(limits.memoryBytes, swapIsCounted) }),
  };
}

/** Memory and swap together get no more than memory alone may have: a container over its limit is killed, not swapped out. */
function memory(limit: number, swapIsCounted: boolean): object {
  return swapIsCounted ? { limit, swap: limit } : { limit };
}

const maskedPaths = [
  ...['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list'],
  ...['/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap'],
];

const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

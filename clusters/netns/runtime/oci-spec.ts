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
  hostIpc: boolean;
  /** With cgroup v2 a container sees its own cgroup as the root, as containerd has it. */
  ownCgroupNamespace: boolean;
  /** From the root of every cgroup hierarchy. */
  cgroupsPath: string;
  limits: CgroupLimits;
  sysctls: Readonly<Record<string, string>>;
  /** Image and volumes, beside the standard file systems. */
  mounts: readonly Mount[];
  /** Whether mounts that the node makes later are to be seen. */
  propagatesFromNode: boolean;
};

/**
 * A bundle's config.json (OCI runtime specification 1.0.2) with containerd's defaults, but for resource limits and
 * the out-of-memory score, which are left as they are: a host may not let its root change them.
 */
export function ociSpec(plan: ContainerPlan): object {
  const { capabilities, privileged } = plan;
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
    mounts: withoutReplaced(standardMounts(privileged), plan.mounts),
    linux: {
      namespaces: namespaces(plan),
      cgroupsPath: plan.cgroupsPath,
      resources: resources(plan),
      ...(plan.devices.length === 0 ? {} : { devices: plan.devices }),
      ...(Object.keys(plan.sysctls).length === 0 ? {} : { sysctl: plan.sysctls }),
      ...(plan.propagatesFromNode ? { rootfsPropagation: 'rslave' } : {}),
      ...(privileged ? {} : { maskedPaths, readonlyPaths }),
    },
  };
}

function standardMounts(privileged: boolean): Mount[] {
  const kernel = ['nosuid', 'noexec', 'nodev', privileged ? 'rw' : 'ro'];
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
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: kernel },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...kernel, 'relatime'] },
  ];
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

function namespaces({ networkNamespace, hostPid, hostIpc, ownCgroupNamespace }: ContainerPlan): object[] {
  return [
    ...(hostPid ? [] : [{ type: 'pid' }]),
    ...(hostIpc ? [] : [{ type: 'ipc' }]),
    { type: 'uts' },
    { type: 'mount' },
    ...(ownCgroupNamespace ? [{ type: 'cgroup' }] : []),
    ...(networkNamespace === null ? [] : [{ type: 'network', path: networkNamespace }]),
  ];
}

function resources({ privileged, limits }: ContainerPlan): object {
  return {
    // Denied first: runc then allows the standard devices and those that the bundle names.
    devices: [{ allow: privileged, access: 'rwm' }],
    cpu: {
      shares: limits.cpuShares,
      ...(limits.cpuQuota === null ? {} : { quota: limits.cpuQuota, period: limits.cpuPeriod }),
    },
    ...(limits.memoryBytes === null ? {} : { memory: { limit: limits.memoryBytes } }),
  };
}

const maskedPaths = [
  ...['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list'],
  ...['/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap'],
];

const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

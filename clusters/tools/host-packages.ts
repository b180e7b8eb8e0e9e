import { existsSync, readFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../error.ts';
import { exec, tryExec } from '../exec.ts';
import { bpftool } from './bpftool.ts';

/**
 * What the lab needs of Debian or Ubuntu, why, and how to see that it is there: programs on PATH or at absolute paths,
 * or a command that succeeds. `ubuntu`: the package there, where its name is another.
 */
export const hostPackages = {
  'python3-pip': {
    probe: ['python3', '-m', 'pip', '--version'],
    why: 'fetches programs that come as wheels, and Go where the host has none',
  },
  iproute2: { programs: ['ip', 'tc'], why: 'makes links, addresses and routes' },
  iptables: {
    programs: ['iptables', 'iptables-save', 'iptables-restore'],
    why: 'kube-proxy and proxies in pods use it',
  },
  'containernetworking-plugins': {
    programs: ['/usr/lib/cni/ptp', '/usr/lib/cni/host-local'],
    why: 'the standard CNI plugins connect pods',
  },
  runc: { programs: ['runc'], why: 'starts containers' },
  tcpdump: { programs: ['tcpdump'], why: 'proves that encrypted traffic is' },
  'util-linux': { programs: ['unshare', 'nsenter', 'flock'], why: 'makes and enters namespaces' },
  mount: { programs: ['mount', 'umount'], why: 'mounts the nodes’ file systems' },
  procps: { programs: ['ps', 'sysctl'], why: 'sets the nodes’ network options' },
  conntrack: { programs: ['conntrack'], why: 'kube-proxy clears stale connections with it' },
  ethtool: { programs: ['ethtool'], why: 'reads and sets what links offload' },
  iperf3: { programs: ['iperf3'], why: 'sends and receives streams of bytes, in pods' },
  kmod: { programs: ['modprobe'], why: 'loads kernel modules on demand' },
  mmdebstrap: { programs: ['mmdebstrap'], why: 'makes the file systems of kind’s nodes and containers' },
  'debian-archive-keyring': {
    probe: ['test', '-r', '/usr/share/keyrings/debian-archive-keyring.gpg'],
    why: 'has the keys that the packages in them are verified by',
  },
  skopeo: { programs: ['skopeo'], why: 'fetches kind’s node image for a Docker daemon of the lab’s own' },
  bpftool: {
    probe: [...bpftool, 'version'],
    why: '`lab test` and `lab check cycles` see with it that no BPF program is left',
    ubuntu: 'linux-tools-generic',
  },
  libbpf1: {
    probe: ['sh', '-c', 'ldconfig -p | grep -q libbpf.so.1'],
    why: 'loads BPF programs of data planes into the kernel',
  },
  clang: { programs: ['clang'], why: 'compiles BPF programs' },
  'libbpf-dev': {
    probe: ['test', '-r', '/usr/include/bpf/bpf_helpers.h'],
    why: 'has the headers that they are made with',
  },
  make: { programs: ['make'], why: 'builds them' },
  gcc: { programs: ['gcc'], why: 'compiles CNI plugins of data planes' },
  'libc6-dev': { probe: ['test', '-r', '/usr/include/stdio.h'], why: 'has the C library that they are linked with' },
  'qemu-system-x86': {
    programs: ['qemu-system-x86_64'],
    why: 'emulates the machine with the oldest kernel for `lab test` and `lab check oldest-kernel`',
  },
  shellcheck: { programs: ['shellcheck'], why: '`lab test` finds mistakes in shell scripts with it' },
  shfmt: { programs: ['shfmt'], why: '`lab test` sees with it that they are formatted' },
  'clang-format': { programs: ['clang-format'], why: '`lab test` sees with it that C files are formatted' },
  pyflakes3: { programs: ['pyflakes3'], why: '`lab test` finds mistakes in Python files with it' },
} as const satisfies Record<
  string,
  ({ programs: readonly string[] } | { probe: readonly [string, ...string[]] }) & { why: string; ubuntu?: string }
>;

export type HostPackage = keyof typeof hostPackages;

const toBuildAndTest: ReadonlySet<HostPackage> = new Set([
  'python3-pip',
  'mmdebstrap',
  'debian-archive-keyring',
  'skopeo',
  'bpftool',
  'clang',
  'libbpf-dev',
  'make',
  'gcc',
  'libc6-dev',
  'qemu-system-x86',
  'shellcheck',
  'shfmt',
  'clang-format',
  'pyflakes3',
]);

/** The packages that an embedded cluster needs; the others serve building and testing. */
export const clusterPackages: readonly HostPackage[] = (Object.keys(hostPackages) as HostPackage[]).filter(
  (name) => !toBuildAndTest.has(name),
);

/**
 * Makes sure that packages are there; installs those that are not, as root where there is apt, and says so.
 * @throws LabError LAB_HOST_LACKS (exit 3) naming them and the one command that installs them.
 */
export async function ensurePackages(
  names: readonly HostPackage[],
  { signal, progress }: { signal: AbortSignal; progress: (message: string) => void },
): Promise<void> {
  const missing = await missingPackages(names, signal);
  if (missing.length === 0) return;
  const command = installCommand(missing);
  if (process.getuid?.() !== 0 || !(await isInstalled('apt-get')))
    throw lacks(missing, 'cannot be installed from here');
  progress(`installing ${missing.join(' ')} with apt`);
  const options = { signal, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const lockWait = ['-o', 'DPkg::Lock::Timeout=120'];
  try {
    await exec('apt-get', [...lockWait, '-q', 'update'], options);
    await exec(
      'apt-get',
      [...lockWait, '-q', '-y', '--no-install-recommends', 'install', ...packageNames(missing)],
      options,
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw lacks(missing, cause instanceof Error ? cause.message : String(cause));
  }
  const still = await missingPackages(missing, signal);
  if (still.length > 0) throw lacks(still, `${command} did not bring what they should hold`);
}

/** Those of the packages whose programs are not there. */
export async function missingPackages(names: readonly HostPackage[], signal: AbortSignal): Promise<HostPackage[]> {
  const there = await Promise.all(names.map((name) => isThere(name, signal)));
  return names.filter((_, index) => !there[index]);
}

/** The one command that installs packages on this host. */
export function installCommand(names: readonly HostPackage[]): string {
  return `apt-get install -y ${packageNames(names).join(' ')}`;
}

/** What apt knows packages by, on a host that /etc/os-release describes like this. */
export function packageNames(names: readonly HostPackage[], osRelease = ownRelease()): string[] {
  const isUbuntu = /^ID(_LIKE)?=.*ubuntu/m.test(osRelease);
  return names.map((name) => {
    const how = hostPackages[name];
    return isUbuntu && 'ubuntu' in how ? how.ubuntu : name;
  });
}

/** Whether a program is on PATH or in the folders that root's PATH has, or at that absolute path. */
export async function isInstalled(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].filter((folder) => folder !== '');
  const candidates = program.startsWith('/') ? [program] : folders.map((folder) => join(folder, program));
  const found = await Promise.all(
    candidates.map((path) =>
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

async function isThere(name: HostPackage, signal: AbortSignal): Promise<boolean> {
  const how = hostPackages[name];
  if ('probe' in how) {
    const [file, ...args] = how.probe;
    return (await tryExec(file, args, { signal })).exitCode === 0;
  }
  return (await Promise.all(how.programs.map(isInstalled))).every(Boolean);
}

function ownRelease(): string {
  return existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
}

function lacks(names: readonly HostPackage[], why: string): LabError {
  return new LabError('LAB_HOST_LACKS', {
    message: `This host lacks ${names.join(', ')}: ${why}`,
    remedy: `Run as root: ${installCommand(names)}`,
    exitCode: 3,
  });
}

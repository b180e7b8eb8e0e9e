import { access, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { tryExec } from '../exec.ts';
import { type Finding, judge } from './finding.ts';

/** What the kernel can do, found out by doing it in namespaces that end with the trial. Linux only. */
export async function kernelFindings(signal: AbortSignal): Promise<Finding[]> {
  return [
    await cgroupFinding(),
    ...(process.getuid?.() === 0 ? await Promise.all(trials.map((trial) => trialFinding(trial, signal))) : [untried]),
    await capabilityFinding(),
    await interruptTimeFinding(),
    judge('type information (BTF)', await isReadable('/sys/kernel/btf/vmlinux'), {
      found: (await isReadable('/sys/kernel/btf/vmlinux')) ? '/sys/kernel/btf/vmlinux' : 'none',
      why: 'eBPF data planes are built against it; the others do without',
      otherwise: 'note',
    }),
  ];
}

/** A shell script that runs in network, mount, process and host name namespaces of its own and fails where it lacks something. */
type Trial = { name: string; script: string; why: string; remedy: string };

const trials: readonly Trial[] = [
  {
    name: 'namespaces',
    script: 'true',
    why: 'nodes and pods are network, mount and process namespaces',
    remedy: 'in a container: run it privileged',
  },
  {
    name: 'veth and bridge',
    script:
      'ip link add lab-a type veth peer name lab-b && ip link add lab-c type bridge && ip link set lab-a master lab-c',
    why: 'nodes hang on a bridge, pods on veth pairs',
    remedy: 'modprobe -a veth bridge; with no such modules: another kernel. apt-get install -y iproute2',
  },
  {
    name: 'iptables nat and REDIRECT',
    script: 'iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 15001',
    why: 'kube-proxy and the redirection of pods’ connections to proxies are nat rules',
    remedy: 'apt-get install -y iptables; modprobe -a iptable_nat xt_REDIRECT',
  },
  {
    name: 'iptables owner match',
    script: 'iptables -t nat -A OUTPUT -m owner --uid-owner 1337 -j RETURN',
    why: 'a proxy’s own packets are told from the application’s by their user',
    remedy: 'modprobe xt_owner',
  },
  {
    name: 'iptables connection tracking',
    script: 'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment lab -j ACCEPT',
    why: 'kube-proxy and REDIRECT remember connections',
    remedy: 'modprobe -a nf_conntrack xt_conntrack xt_comment',
  },
  {
    name: 'overlayfs',
    script:
      'd=$(mktemp -d) && trap "rmdir $d" EXIT && (mount -t tmpfs lab "$d" && mkdir "$d/u" "$d/w" && mount -t overlay -o "lowerdir=/etc,upperdir=$d/u,workdir=$d/w" lab /etc && umount /etc; r=$?; umount "$d"; exit "$r")',
    why: 'each node writes to its own view of the host’s folders',
    remedy: 'modprobe overlay',
  },
];

const untried: Finding = {
  name: 'namespaces, veth, iptables, overlayfs',
  state: 'note',
  found: 'not looked at',
  why: 'finding out needs root, as a cluster does',
  remedy: 'sudo lab doctor',
};

async function trialFinding({ name, script, why, remedy }: Trial, signal: AbortSignal): Promise<Finding> {
  const flags = ['--net', '--mount', '--pid', '--uts', '--fork', '--kill-child', '--propagation', 'private'];
  const result = await tryExec('unshare', [...flags, 'sh', '-ec', script], { signal, timeoutMs: 10_000 });
  const holds = result.exitCode === 0;
  const complaint = result.stderr.trim().split('\n')[0] ?? '';
  return judge(name, holds, {
    found: holds ? 'work' : complaint || `exit ${result.exitCode}`,
    why,
    otherwise: 'lacks',
    remedy,
  });
}

async function cgroupFinding(): Promise<Finding> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const version1 = mounts
    .filter(([, , type]) => type === 'cgroup')
    .flatMap(([, , , options]) => options?.split(',') ?? []);
  const root = mounts.find(([, , type]) => type === 'cgroup2')?.[1];
  const version2 = root === undefined ? '' : await readFile(`${root}/cgroup.controllers`, 'utf8').catch(() => '');
  const unified = root === '/sys/fs/cgroup';
  const controllers = unified ? version2.trim().split(' ') : version1;
  const needed = unified ? ['cpu', 'memory', 'pids'] : ['cpu', 'cpuacct', 'memory'];
  const missing = needed.filter((controller) => !controllers.includes(controller));
  return judge('cgroups', missing.length === 0, {
    found: `${unified ? 'v2' : root === undefined ? 'v1' : 'v1 and v2 side by side'}, ${
      missing.length === 0 ? `with ${needed.join(', ')}` : `without ${missing.join(', ')}`
    }`,
    why: 'pods are limited and measured by them',
    otherwise: 'lacks',
    remedy: 'in a container: run it privileged; else boot without cgroup_disable=',
  });
}

/** Bit 24 of the bounding set is CAP_SYS_RESOURCE (capabilities(7)). */
async function capabilityFinding(): Promise<Finding> {
  const status = await readFile('/proc/self/status', 'utf8');
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const holds = ((bounding >> 24n) & 1n) === 1n;
  return judge('capability CAP_SYS_RESOURCE', holds, {
    found: holds ? 'there' : 'not even root has it',
    why: 'without it limits of processes cannot be raised, nor oom_score_adj lowered: pods keep the host’s',
    otherwise: 'note',
  });
}

async function interruptTimeFinding(): Promise<Finding> {
  const config = await kernelConfig();
  const holds = config?.includes('CONFIG_IRQ_TIME_ACCOUNTING=y') ?? false;
  return judge('interrupt time accounting', holds, {
    found: config === null ? 'unknown: this kernel does not show its configuration' : holds ? 'on' : 'off',
    why: 'where it is off, time in interrupts is billed to whoever was running; it is recorded with every run',
    otherwise: 'note',
  });
}

async function kernelConfig(): Promise<string | null> {
  const packed = await readFile('/proc/config.gz').catch(() => null);
  if (packed !== null) return (await promisify(gunzip)(packed)).toString();
  return readFile(`/boot/config-${release()}`, 'utf8').catch(() => null);
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

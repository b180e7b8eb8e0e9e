import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { exec, tryExec } from '../../clusters/exec.ts';
import { cgroupRoot, runtimeDirectory } from '../../clusters/life/paths.ts';
import { bpftool } from '../../clusters/tools/bpftool.ts';

/** What the lab could leave behind or change on a host, as sorted lines by kind, so that two states can be compared. */
export type HostState = Readonly<Record<string, readonly string[]>>;

const bpfKind = 'BPF programs';

/** Sysctls that change by themselves. */
const restless = /^(fs\.(dentry|file|inode|quota)|kernel\.(random|ns_last_pid|pty\.nr|perf_event)|.*conntrack_count)/;

/**
 * Reads links, addresses, routes, firewall, sysctls, mounts with their options, cgroups, namespaces, BPF programs and the
 * lab's own traces.
 * @throws LabError LAB_EXEC_FAILED where there is no bpftool: without it, no program would ever be found left.
 */
export async function readHostState(): Promise<HostState> {
  const output = async (file: string, args: readonly string[], drop = /^$/): Promise<string[]> => {
    const { stdout } = await tryExec(file, args);
    return sorted(stdout.split('\n').filter((line) => line.trim() !== '' && !drop.test(line)));
  };
  return {
    links: await output('ip', ['-o', 'address', 'show']),
    'network namespaces': await output('ip', ['netns', 'list']),
    routes: await output('ip', ['route', 'show', 'table', 'all']),
    rules: await output('ip', ['rule', 'show']),
    firewall: (await output('iptables-save', [], /^[#:]/)).concat(await output('nft', ['list', 'ruleset'])),
    sysctls: await output('sysctl', ['-a'], restless),
    mounts: sorted(
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => line.split(' ').slice(3).join(' ')),
    ),
    cgroups: sorted(labCgroups()),
    'cgroup controllers': rootControllers(),
    namespaces: labNamespaces(),
    [bpfKind]: await bpfPrograms(),
    processes: labProcesses(),
    'runtime directory': sorted(readable(runtimeDirectory).filter((name) => name !== 'logs')),
  };
}

/**
 * What is there after that was not there before, and the other way round, a line for each. A BPF program that is gone is
 * none: the lab takes none of others away, and one of a cluster before this goes a little later than its cgroup.
 */
export function differences(before: HostState, after: HostState): string[] {
  return Object.keys(after).flatMap((kind) => {
    const [then, now] = [before[kind] ?? [], after[kind] ?? []];
    return [
      ...now.filter((line) => !then.includes(line)).map((line) => `${kind}: new: ${line}`),
      ...then.filter((line) => kind !== bpfKind && !now.includes(line)).map((line) => `${kind}: gone: ${line}`),
    ];
  });
}

/**
 * The differences that remain. The kernel takes namespaces apart after their last process has ended, so a difference
 * counts only if it is still there at the deadline.
 */
export async function remainingDifferences(before: HostState, timeoutSeconds = 30): Promise<string[]> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const found = differences(before, await readHostState());
    if (found.length === 0 || Date.now() > deadline) return found;
    await delay(100);
  }
}

const BpfPrograms = z.array(z.object({ id: z.number(), type: z.string(), name: z.string().default('') }));

/** Without those that systemd loads whenever it starts a unit. */
async function bpfPrograms(): Promise<string[]> {
  const [file, ...args] = bpftool;
  const { stdout } = await exec(file, [...args, '-j', 'prog', 'show']);
  return BpfPrograms.parse(JSON.parse(stdout))
    .filter(({ name }) => !name.startsWith('sd_'))
    .map(({ id, type, name }) => `${id} ${type} ${name}`);
}

/** Of cgroup v2 alone; v1's hierarchies have all they have by their mount. */
function rootControllers(): string[] {
  return sorted(
    text('/sys/fs/cgroup/cgroup.subtree_control')
      .split(/\s+/)
      .filter((name) => name !== ''),
  );
}

function labCgroups(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => join(line.split(' ')[4] ?? '', cgroupRoot))
    .filter((path) => readable(path).length > 0);
}

/** Processes of the lab: in its cgroups, or started by its supervisor, which they inherit a variable from. */
function labPids(): string[] {
  return readable('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        text(`/proc/${pid}/cgroup`).includes(`/${cgroupRoot}`) ||
        text(`/proc/${pid}/environ`).includes('LAB_SUPERVISOR='),
    );
}

/** Namespaces that the lab's processes hold, beside those that this process is in. */
function labNamespaces(): string[] {
  const kinds = ['net', 'mnt', 'pid', 'uts', 'ipc', 'cgroup'];
  const own = kinds.map((kind) => linkOf(`/proc/self/ns/${kind}`));
  const held = labPids().flatMap((pid) => kinds.map((kind) => linkOf(`/proc/${pid}/ns/${kind}`)));
  return sorted([...new Set(held)].filter((name) => name !== '' && !own.includes(name)));
}

function labProcesses(): string[] {
  return sorted(labPids().map((pid) => text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')));
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}

function readable(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

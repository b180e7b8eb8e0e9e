import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1PodList } from '@kubernetes/client-node';
import { type Cluster, type Pool, poolOf } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import { formatValue } from '../../results/format.ts';
import { median } from '../../results/median.ts';
import { findContainerCgroups } from '../probes/pod-cgroups.ts';
import { type ProcessMemory, readProcessMemory } from '../probes/process-memory.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import { memoryParts, type Parts } from './agent-memory.ts';
import { measureSpeeds, type Speed } from './agent-speed.ts';
import type { Check, CheckInput } from './check.ts';
import { startCrowd } from './crowd.ts';
import { type Finding, report, type Target } from './finding.ts';

const defaultRounds = 5;
const pods = 100;
const idleSeconds = 60;
/** For what pods' starting has left to do. */
const settleSeconds = 15;
const limits = { entriesPerSecond: 50_000, residentBytes: 175e6, idleCores: 0.01 } as const;

/** An agent's process: what it has in memory, and what it used while nothing happened. */
type Idle = { memory: ProcessMemory; cores: number };

/** What sidecarless's node agent costs its node, and how fast it is. */
export const agent: Check = {
  summary: 'the node agent: ≥ 50,000 map entries/s, < 175 MB resident and ≤ 1 % of a core idle with 100 pods',
  async run(input) {
    const { signal, progress } = input;
    const rounds = input.count ?? defaultRounds;
    const speeds: Speed[][] = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`map entries, round ${round} of ${rounds}`);
      speeds.push(await measureSpeeds());
    }
    const pool = poolOf('sidecarless', 'sidecarless');
    const { parts, idle } = await exclusively(() =>
      withOwnCluster([pool], { signal, progress }, async (cluster) => {
        const idle = await measureIdle(cluster, pool, input);
        progress('what the memory consists of');
        return { idle, parts: await memoryParts({ signal, progress }) };
      }),
    );
    return report('agent', [...speedFindings(speeds), ...idleFindings(idle), ...partFindings(parts, idle)], input);
  },
};

async function measureIdle(cluster: Cluster, pool: Pool, { signal, progress }: CheckInput): Promise<Idle[]> {
  const { kube } = cluster;
  progress(`${pods} pods`);
  await kube.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: pool.namespace } }], signal);
  await startCrowd(cluster, pool, { size: pods, signal });
  await delay(settleSeconds * 1000, undefined, { signal });
  const processes = await agentProcesses(cluster, pool, signal);
  progress(`idle for ${idleSeconds} s`);
  const before = processes.map(({ cgroup }) => cpuSeconds(cgroup));
  const began = performance.now();
  await delay(idleSeconds * 1000, undefined, { signal });
  const seconds = (performance.now() - began) / 1000;
  return processes.map(({ cgroup, pid }, index) => ({
    memory: readProcessMemory(pid),
    cores: (cpuSeconds(cgroup) - (before[index] ?? 0)) / seconds,
  }));
}

/** The agents' processes and their CPU's cgroups. */
async function agentProcesses(
  { kube }: Cluster,
  pool: Pool,
  signal: AbortSignal,
): Promise<{ pid: number; cgroup: string }[]> {
  const { items } = await kube.json<V1PodList>('GET', `/api/v1/namespaces/${pool.systemNamespace}/pods`, {
    query: { labelSelector: 'app=sidecarless-agent' },
    signal,
  });
  return findContainerCgroups(items, () => 'control').map(({ pod, directories }) => {
    const cgroup = directories?.cpu ?? '';
    const [pid] = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);
    if (pid) return { pid, cgroup };
    throw new LabError('LAB_PROCESS_MISSING', { message: `The node agent ${pod} has no process in ${cgroup}` });
  });
}

function cpuSeconds(cgroup: string): number {
  try {
    return Number(readFileSync(join(cgroup, 'cpuacct.usage'), 'utf8')) / 1e9;
  } catch {
    return Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(cgroup, 'cpu.stat'), 'utf8'))?.[1]) / 1e6;
  }
}

function speedFindings(rounds: readonly Speed[][]): Finding[] {
  return (rounds[0] ?? []).map(({ what, entries }, index) => {
    const rates = rounds.flatMap((speeds) => {
      const speed = speeds[index];
      return speed === undefined ? [] : [speed.entries / speed.seconds];
    });
    const value = median(rates);
    const target: Target = { atLeast: limits.entriesPerSecond, by: 'value' };
    const text = `${Math.round(value ?? 0)}/s`;
    return { name: `${what}, ${entries} entries`, value, text, interval: null, target };
  });
}

function idleFindings(idle: readonly Idle[]): Finding[] {
  const cores = Math.max(...idle.map(({ cores }) => cores));
  return [
    memoryFinding('resident memory', largest(idle).residentBytes, { atMost: limits.residentBytes, by: 'value' }),
    {
      name: `CPU when idle, over ${idleSeconds} s`,
      value: cores,
      text: `${formatValue(cores, 'ratio')} of a core`,
      interval: null,
      target: { atMost: limits.idleCores, by: 'value' },
    },
  ];
}

function partFindings({ bare, packages, bundled }: Parts, idle: readonly Idle[]): Finding[] {
  const whole = largest(idle);
  return [
    memoryFinding('  Node alone', bare.residentBytes),
    memoryFinding('  of that, pages of its program, shared between agents', bare.fileBytes),
    memoryFinding('  client-node, bundled', bundled.residentBytes - bare.residentBytes),
    memoryFinding('  all else of the agent', whole.residentBytes - bundled.residentBytes),
    memoryFinding('  instead: Node with client-node as packages', packages.residentBytes),
  ];
}

function largest(idle: readonly Idle[]): ProcessMemory {
  const [first] = idle.map(({ memory }) => memory).sort((a, b) => b.residentBytes - a.residentBytes);
  return first ?? { residentBytes: Number.NaN, fileBytes: Number.NaN };
}

/** In MB, as published figures are. */
function memoryFinding(name: string, value: number, target: Target | null = null): Finding {
  return { name, value, text: `${(value / 1e6).toFixed(1)} MB`, interval: null, target };
}

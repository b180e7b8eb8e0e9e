import { setTimeout as delay } from 'node:timers/promises';
import type { DataPlaneContext, Evidence } from '../../datapath/data-plane.ts';
import type { LoadResult } from '../../results/block.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import { type Figure, figure, sumOf } from '../../results/figure.ts';
import type { Role } from '../../results/vocabulary.ts';
import type { Sent } from '../load/driver.ts';
import { busyBetween, type MachineTime, readMachineTime } from '../probes/machine.ts';
import { type ContainerCgroup, type RoleUsage, readRoleUsage } from '../probes/pod-cgroups.ts';
import { growthOf } from './check-evidence.ts';
import type { Deployed } from './deploy.ts';
import { checkPath, readPath } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';

/** CPU time of one measured window: the whole machine's, and each role's from its pods' cgroups. */
export type WindowCpu = {
  busySeconds: number;
  stealSeconds: number;
  roleSeconds: Partial<Record<Role, Figure>>;
};

/** What one block of one test case gave. */
export type MeasuredBlock = {
  windowBeganAt: Date;
  windowSeconds: number;
  result: LoadResult;
  cpu: WindowCpu;
  memoryBytes: Partial<Record<Role, Figure>>;
  /** What every hop's counters grew by, what was sent meanwhile, and whether the one follows from the other. */
  path: { growth: Evidence; sent: Sent; checks: EvidenceCheck[] };
};

/** Sends one block through a test case, with the machine's and the pods' CPU time read at both ends of its window. */
export async function measureBlock(
  context: DataPlaneContext,
  {
    planned,
    deployed,
    clusterIp,
    containers,
  }: {
    planned: PlannedCase;
    deployed: Deployed;
    clusterIp: string;
    containers: readonly ContainerCgroup[];
  },
): Promise<MeasuredBlock> {
  const generator = deployed.generators.get(planned.testCase.placement);
  if (generator === undefined) throw new Error(`no generator stands ${planned.testCase.placement}`);
  await planned.dataPlane.prepare?.(context, planned.testCase);
  const before = await readPath(context, planned, deployed.workload);
  let begin: Sample | null = null;
  let end: Sample | null = null;
  const { driver, measurement, testCase } = planned;
  const target = { generator, host: clusterIp, port: testCase.port };
  const { arrived, ...result } = await driver.send(context, target, measurement.parameters, {
    onBegin: () => {
      begin = sample(containers);
    },
    onEnd: () => {
      end = sample(containers);
    },
  });
  const after = await readPath(context, planned, deployed.workload);
  if (begin === null || end === null) throw new Error('the generator announced no measured window');
  const { reconnects: _, ...traffic } = result.totals;
  const growth = growthOf(before, after);
  const sent: Sent = { traffic, besides: result.besides, arrived };
  return { ...between(begin, end), result, path: { growth, sent, checks: checkPath(planned, growth, sent) } };
}

/** CPU time of the whole machine while no load is sent, over a window of that length. */
export async function measureIdle(
  seconds: number,
  signal: AbortSignal,
): Promise<{ seconds: number; busyCpuSeconds: number }> {
  const begin = sample([]);
  await delay(seconds * 1000, undefined, { signal });
  const end = sample([]);
  const { busySeconds } = busyBetween(begin.machine, end.machine);
  return { seconds: end.machine.at - begin.machine.at, busyCpuSeconds: busySeconds };
}

type Sample = { at: Date; machine: MachineTime; roles: RoleUsage };

function sample(containers: readonly ContainerCgroup[]): Sample {
  return { at: new Date(), machine: readMachineTime(), roles: readRoleUsage(containers) };
}

function between(
  begin: Sample,
  end: Sample,
): Pick<MeasuredBlock, 'windowBeganAt' | 'windowSeconds' | 'cpu' | 'memoryBytes'> {
  const roleSeconds: WindowCpu['roleSeconds'] = {};
  const memoryBytes: MeasuredBlock['memoryBytes'] = {};
  for (const [role, usage] of Object.entries(end.roles) as [Role, RoleUsage[Role] & object][]) {
    roleSeconds[role] = grown(begin.roles[role]?.cpuSeconds ?? figure(0), usage.cpuSeconds);
    memoryBytes[role] = usage.memoryBytes;
  }
  return {
    windowBeganAt: begin.at,
    windowSeconds: end.machine.at - begin.machine.at,
    cpu: { ...busyBetween(begin.machine, end.machine), roleSeconds },
    memoryBytes,
  };
}

function grown(begin: Figure, end: Figure): Figure {
  return sumOf([end, begin.value === null ? begin : figure(-begin.value)]);
}

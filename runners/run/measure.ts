import { setTimeout as delay } from 'node:timers/promises';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { LoadResult } from '../../results/block.ts';
import type { EvidenceCheck } from '../../results/evidence-record.ts';
import type { Sent } from '../load/driver.ts';
import type { ContainerCgroup } from '../probes/pod-cgroups.ts';
import type { Deployed } from './deploy.ts';
import { type Growth, growthOf } from './growth.ts';
import { checkPath, readPath } from './path-evidence.ts';
import type { PlannedCase } from './plan.ts';
import type { MachineReader, Sample, WindowReading } from './window.ts';

/** What one block of one test case gave. */
export type MeasuredBlock = {
  window: WindowReading;
  result: LoadResult;
  /** What every hop's counters grew by, what was sent meanwhile, and whether the one follows from the other. */
  path: { growth: Growth; sent: Sent; checks: EvidenceCheck[] };
};

/** Sends one block through a test case, with the machine's and the pods' CPU time read at both ends of its window. */
export async function measureBlock(
  context: DataPlaneContext,
  {
    planned,
    deployed,
    clusterIp,
    containers,
    machine,
  }: {
    machine: MachineReader;
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
      begin = machine.sample(containers);
    },
    onEnd: () => {
      end = machine.sample(containers);
    },
  });
  const after = await readPath(context, planned, deployed.workload);
  if (begin === null || end === null) throw new Error('the generator announced no measured window');
  const { reconnects: _, ...traffic } = result.totals;
  const growth = growthOf(before, after);
  const sent: Sent = { traffic, besides: result.besides, arrived };
  const window = await machine.between(begin, end);
  return { window, result, path: { growth, sent, checks: checkPath(planned, growth, sent) } };
}

/** What the machine does while no load is sent, over a window of that length. */
export async function measureIdle(
  seconds: number,
  { machine, signal }: { machine: MachineReader; signal: AbortSignal },
): Promise<WindowReading> {
  const begin = machine.sample([]);
  await delay(seconds * 1000, undefined, { signal });
  return await machine.between(begin, machine.sample([]));
}

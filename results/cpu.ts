import type { Block } from './block.ts';
import { dividedBy, type Figure, figure, missing, sumOf } from './figure.ts';
import type { Work } from './measurement.ts';
import { median } from './median.ts';
import type { Run } from './run.ts';
import { type PodRole, podRoles, type Role } from './vocabulary.ts';

/**
 * CPU seconds per second of the machine with the cluster up and nothing sent. The median of the windows, so that one
 * that something else disturbed does not shift every block.
 */
export function idleRate({ idle }: Pick<Run, 'idle'>): Figure {
  const rate = median(idle.map(({ seconds, busyCpuSeconds }) => busyCpuSeconds / seconds));
  return rate === null ? missing('no idle window was measured') : figure(rate);
}

/**
 * CPU seconds for each unit of work that was done rightly: the whole machine's less the idle cluster's where the role is
 * null, else that of the role's cgroups. `kernel` is what the roles leave over of the whole. It may be slightly negative
 * and is not clamped: the idle cluster's share is taken off the whole, not off the roles.
 */
export function cpuSecondsPer(work: Work, blocks: readonly Block[], role: Role | null, idle: Figure): Figure {
  const used = role === null ? whole(blocks, idle) : role === 'kernel' ? kernel(blocks, idle) : ofRole(blocks, role);
  return dividedBy(used, doneIn(blocks, work), nothingDone[work]);
}

/** Units of work that were done rightly in the windows of all blocks. */
export function doneIn(blocks: readonly Block[], work: Work): number {
  return blocks.reduce((sum, { counts }) => sum + (counts[work] ?? 0), 0);
}

const nothingDone: Record<Work, string> = {
  requests: 'requests answered',
  connections: 'connections opened and answered',
  bytes: 'bytes received',
};

function whole(blocks: readonly Block[], idle: Figure): Figure {
  const rate = idle.value;
  if (rate === null) return idle;
  return sumOf(blocks.map(({ cpu }) => figure(cpu.busySeconds - rate * cpu.seconds)));
}

function kernel(blocks: readonly Block[], idle: Figure): Figure {
  const pods = sumOf(podRoles.map((role) => ofRole(blocks, role)));
  return sumOf([whole(blocks, idle), pods.value === null ? pods : figure(-pods.value)]);
}

function ofRole(blocks: readonly Block[], role: PodRole): Figure {
  return sumOf(blocks.map(({ cpu }) => cpu.roles[role]));
}

import type { Block } from './block.ts';
import { dividedBy, type Figure, figure, missing, sumOf } from './figure.ts';
import type { Work } from './measurement.ts';
import { median } from './median.ts';
import type { Run } from './run.ts';
import { type PodRole, podRoles, type Role } from './vocabulary.ts';

/**
 * CPU seconds per second of the machine with the cluster up and nothing sent, foreign processes left out. The median of the
 * windows, so that one that something else disturbed does not shift every block.
 */
export function idleRate({ idle }: Pick<Run, 'idle'>): Figure {
  const rate = median(ratesOf(idle));
  if (rate !== null) return figure(rate);
  return missing(idle.length === 0 ? 'no idle window was measured' : 'the machine spoiled every idle window');
}

/** The idle windows of the passes in which these blocks were measured: a cluster that holds much more idles dearer. */
export function idleBeside({ idle }: Pick<Run, 'idle'>, blocks: readonly Pick<Block, 'pass'>[]): Pick<Run, 'idle'> {
  const passes = new Set(blocks.map(({ pass }) => pass));
  return { idle: idle.filter(({ pass }) => passes.has(pass)) };
}

/**
 * The standard error of {@link idleRate}, in CPU seconds per second: what all blocks have in common of it is in their ratios.
 * From the windows' interquartile range, as a normal distribution has it, for some windows are disturbed; 0 of fewer than four.
 */
export function idleUncertainty({ idle }: Pick<Run, 'idle'>): number {
  const rates = ratesOf(idle).sort((one, other) => one - other);
  if (rates.length < 4) return 0;
  const at = (share: number): number => rates[Math.round(share * (rates.length - 1))] as number;
  const spread = (at(0.75) - at(0.25)) / 1.349;
  // Of a median: pi / 2 times the variance of a mean.
  return spread * Math.sqrt(Math.PI / 2 / rates.length);
}

/** Of the windows that the machine has not spoiled, less what foreign processes used. */
function ratesOf(idle: Run['idle']): number[] {
  return idle
    .filter(({ spoiled }) => spoiled === null)
    .map(
      ({ seconds, busyCpuSeconds, foreignCpuSeconds }) => (busyCpuSeconds - (foreignCpuSeconds.value ?? 0)) / seconds,
    );
}

/**
 * CPU seconds of the machine in a block that may be the lab's: less what is known to be foreign processes', where that was
 * recorded.
 */
export function busySeconds({ cpu }: Pick<Block, 'cpu'>): number {
  return cpu.busySeconds - (cpu.foreign.value ?? 0);
}

/**
 * CPU seconds for each unit of work that was done rightly: the whole machine's less foreign processes' and the idle
 * cluster's where the role is null, else that of the role's cgroups. `other` is what the roles leave over of the whole. It may be slightly negative
 * and is not clamped: the idle cluster's share is taken off the whole, not off the roles.
 */
export function cpuSecondsPer(work: Work, blocks: readonly Block[], role: Role | null, idle: Figure): Figure {
  const used = role === null ? whole(blocks, idle) : role === 'other' ? other(blocks, idle) : ofRole(blocks, role);
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
  return sumOf(blocks.map((block) => figure(busySeconds(block) - rate * block.cpu.seconds)));
}

function other(blocks: readonly Block[], idle: Figure): Figure {
  const pods = sumOf(podRoles.map((role) => ofRole(blocks, role)));
  return sumOf([whole(blocks, idle), pods.value === null ? pods : figure(-pods.value)]);
}

function ofRole(blocks: readonly Block[], role: PodRole): Figure {
  return sumOf(blocks.map(({ cpu }) => cpu.roles[role]));
}

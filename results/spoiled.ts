import type { Block } from './block.ts';
import type { Figure } from './figure.ts';
import { formatDuration } from './format.ts';
import type { Run } from './run.ts';
import { soundBlocks, spoiledBlocks } from './sound-blocks.ts';
import type { Outcome } from './test-case.ts';

/**
 * A processor that stands still for this long makes arrivals late, whatever the data plane is: 10 ms is from when on the
 * generator counts one as late. Softirqs keep a processor for 2 ms at a time, so no packets' do (kernel/softirq.c).
 * Measured in 92 blocks through all data planes: 0.1 to 1.3 ms, seldom up to 6.5 ms.
 */
const longestStandstillSeconds = 0.01;
/**
 * Of the machine's CPU time, taken by its hypervisor. A run that loses 2 % evenly is warned of, as interleaving spreads that;
 * one window that lost this much is not like the others of its pass. Measured: 0 to 0.5 %.
 */
const mostStolen = 0.05;
/**
 * Cores that processes of others used. Measured on two cores: 0.00 to 0.04 where nobody was at work but the system's services,
 * 0.2 and more beside a compiler at low priority. What is below the limit is taken off the machine's CPU time.
 */
const mostForeignCores = 0.1;

/** What is known of a window that says nothing about the data plane. */
export type WindowFacts = {
  seconds: number;
  stealSeconds: number;
  /** CPU seconds of processes that are neither the lab's nor the kernel's own. */
  foreign: Figure;
  standstillSeconds: Figure;
};

/**
 * Why the machine spoiled a window, in a sentence; null where it did not. The rule is fixed, and knows neither latency nor
 * lateness nor errors: a data plane that causes these itself is not excused. What could not be measured spoils nothing.
 */
export function spoiledBy(
  { seconds, stealSeconds, foreign, standstillSeconds }: WindowFacts,
  { cores }: Pick<Run['host'], 'cores'>,
): string | null {
  const stolen = stealSeconds / (seconds * cores);
  const foreignCores = (foreign.value ?? 0) / seconds;
  if ((standstillSeconds.value ?? 0) > longestStandstillSeconds) {
    const { value } = standstillSeconds;
    return `${causes.standstill} for ${formatDuration(value ?? 0)} (at most ${formatDuration(longestStandstillSeconds)}).`;
  }
  if (stolen > mostStolen) {
    return `${causes.stolen} ${percent(stolen)} of the machine's CPU time (at most ${percent(mostStolen)}).`;
  }
  if (foreignCores > mostForeignCores) {
    return `${causes.foreign} ${foreignCores.toFixed(2)} of a core (at most ${mostForeignCores}).`;
  }
  return null;
}

/** How the sentences begin, which tells them apart. */
const causes = {
  standstill: 'A processor stood still',
  stolen: 'The hypervisor took',
  foreign: 'Processes that are not the lab’s used',
} as const;

/** What must be said of a test case whose spoiled blocks were not all replaced, as a sentence; none otherwise. */
export function lostPassWarnings(outcome: Outcome, { options }: Pick<Run, 'options'>): string[] {
  const sound = new Set(soundBlocks(outcome).map(({ pass }) => pass));
  const lost = new Set(spoiledBlocks(outcome).map(({ pass }) => pass)).difference(sound);
  if (lost.size === 0) return [];
  return [
    `It has ${sound.size} blocks and not ${sound.size + lost.size}: the machine spoiled the others, and all ${options.replacements} replacements were used up.`,
  ];
}

/** How many windows of a run the machine spoiled, and why, in a line; none where it spoiled none. */
export function spoiledNote({ testCases, idle, order }: Pick<Run, 'testCases' | 'idle' | 'order'>): string[] {
  const reasons = [
    ...testCases.flatMap(({ outcome }) => spoiledBlocks(outcome).map(({ spoiled }) => spoiled)),
    ...idle.map(({ spoiled }) => spoiled),
  ].filter((spoiled) => spoiled !== null);
  if (reasons.length === 0) return [];
  const windows = order.reduce((sum, turns) => sum + turns.length, 0);
  const counted = Object.values(causes)
    .map((cause) => ({ cause, times: reasons.filter((reason) => reason.startsWith(cause)).length }))
    .filter(({ times }) => times > 0)
    .map(({ cause, times }) => `${times} by ${nouns[cause]}`);
  return [
    `The machine spoiled ${reasons.length} of ${windows} windows (${counted.join(', ')}): they are in no figure.`,
  ];
}

const nouns = {
  [causes.standstill]: 'processors that stood still',
  [causes.stolen]: 'stolen time',
  [causes.foreign]: 'foreign processes',
} as const;

/** The facts of a stored block. */
export function factsOf({ cpu, disturbance }: Pick<Block, 'cpu' | 'disturbance'>): WindowFacts {
  const { seconds, stealSeconds, foreign } = cpu;
  return { seconds, stealSeconds, foreign, standstillSeconds: disturbance.standstillSeconds };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

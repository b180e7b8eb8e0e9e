import type { Block } from './block.ts';
import { busySeconds, idleRate } from './cpu.ts';
import { median } from './median.ts';
import type { Run } from './run.ts';
import { podRoles } from './vocabulary.ts';

/** Cores above the median of the test case's blocks. What is left over of a data plane's own doing is the same in each of them. */
const mostAboveMedian = 0.1;

/**
 * Warns of blocks in which the machine did more than the idle cluster, the pods and foreign processes explain, and more than in the test case's
 * other blocks. Blocks with much foreign load are spoiled, and their replacements are looked at here.
 */
export function leftOverWarnings(blocks: readonly Block[], run: Pick<Run, 'idle'>): string[] {
  const cores = blocks.flatMap((block) => {
    const left = leftOverCores(block, idleRate(run).value);
    return left === null ? [] : [{ pass: block.pass, left }];
  });
  const middle = median(cores.map(({ left }) => left));
  const above = cores.filter(({ left }) => middle !== null && left - middle > mostAboveMedian);
  const [most] = above.toSorted((one, other) => other.left - one.left);
  if (middle === null || most === undefined) return [];
  return [
    `In ${above.length} of ${blocks.length} blocks more than ${mostAboveMedian} core beyond the median of ${middle.toFixed(2)} belonged neither to pods, nor to the idle cluster, nor to a process that is known, at most ${most.left.toFixed(2)} (block ${most.pass + 1}): CPU time of these holds what else ran.`,
  ];
}

/** Cores that were busy beyond the idle cluster and the pods; null where one of them is not known. */
function leftOverCores(block: Block, idle: number | null): number | null {
  const { cpu } = block;
  const pods = podRoles.map((role) => cpu.roles[role].value);
  if (idle === null || pods.some((used) => used === null)) return null;
  const used = pods.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return (busySeconds(block) - used) / cpu.seconds - idle;
}

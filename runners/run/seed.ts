import { randomInt } from 'node:crypto';

/** How many seeds there are: 0 and so on. */
export const seeds = 2 ** 31;

/** A seed of a run's own, for the order of its blocks: the same order every time would be a bias that no run shows. */
export function newSeed(): number {
  return randomInt(seeds);
}

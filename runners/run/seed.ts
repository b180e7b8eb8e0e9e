import { randomInt } from 'node:crypto';

/** A seed of a run's own, for the order of its blocks: the same order every time would be a bias that no run shows. */
export function newSeed(): number {
  return randomInt(2 ** 31);
}

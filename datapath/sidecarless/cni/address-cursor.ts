import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addressNumber, numberAddress } from '../address/address.ts';
import { type Cidr, lastOf } from '../address/cidr.ts';
import { isInRange } from './pod-range.ts';

/** Where in a range the last address was given, so that the one freed last is not the next one, restarts included. */
export type AddressCursor = {
  readonly cidr: Cidr;
  /**
   * The next free address after the last one given, or null where all are taken. The ends of a range are never given,
   * nor is its first address after them: that is the node's own.
   */
  next(isTaken: (address: string) => boolean): string | null;
  /** Keeps the place on disk as far as that works: it is a hint, and nothing is wrong when it is lost. */
  save(): void;
};

/** How many addresses of a range pods can have. */
export function capacityOf(cidr: Cidr): bigint {
  const size = lastOf(cidr) - cidr.first + 1n;
  return size > 3n ? size - 3n : 0n;
}

export async function openCursor(directory: string, cidr: Cidr): Promise<AddressCursor> {
  const path = join(directory, `last-${cidr.text.replace('/', '-')}`);
  const [low, high] = [cidr.first + 2n, lastOf(cidr) - 1n];
  const before = await readFile(path, 'utf8').catch(() => '');
  let last = isInRange(cidr, before) ? addressNumber(before) : high;
  return {
    cidr,
    next(isTaken) {
      let candidate = last;
      for (let tried = 0n; tried < capacityOf(cidr); tried++) {
        candidate = candidate >= high || candidate < low ? low : candidate + 1n;
        const address = numberAddress(candidate, cidr.family);
        if (isTaken(address)) continue;
        last = candidate;
        return address;
      }
      return null;
    },
    save() {
      try {
        writeFileSync(`${path}.draft`, numberAddress(last, cidr.family));
        renameSync(`${path}.draft`, path);
      } catch {
        // Then it begins anew after a restart.
      }
    },
  };
}

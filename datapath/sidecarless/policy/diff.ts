import type { PolicyEntry } from './compile.ts';

/** Changes of a policy map: first each of `put`, in this order, then each of `delete`, in this order. */
export type PolicyChanges = { put: readonly PolicyEntry[]; delete: readonly PolicyEntry[] };

/**
 * What turns one compiled map into another. One by one and in order, no change ever lets through what both of them
 * forbid, nor stops what both of them allow: denials are put before allowances, for an entry for everybody shows
 * wherever an identity's own is missing, and nothing is taken away before all that replaces it is there; allowances go
 * first, so that none shows where a denial has gone.
 */
export function diff(before: readonly PolicyEntry[], after: readonly PolicyEntry[]): PolicyChanges {
  const old = new Map(before.map((entry) => [keyOf(entry), entry]));
  const kept = new Set(after.map(keyOf));
  const put = after.filter((entry) => {
    const was = old.get(keyOf(entry));
    return was === undefined || was.deny !== entry.deny || was.rule !== entry.rule;
  });
  const gone = before.filter((entry) => !kept.has(keyOf(entry)));
  return {
    put: [...put.filter(({ deny }) => deny), ...put.filter(({ deny }) => !deny)],
    delete: [...gone.filter(({ deny }) => !deny), ...gone.filter(({ deny }) => deny)],
  };
}

/** Identifies an entry in its map. */
export function keyOf({ identity, direction, protocol, port, prefixBits }: PolicyEntry): string {
  return `${identity}/${direction}/${protocol}/${port}/${prefixBits}`;
}

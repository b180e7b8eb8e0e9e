import type { BpfMap, MapEntry } from '../libbpf/map.ts';

/** A map that only this process writes, and what is known to be in it: only differences are written. */
export type Mirror = {
  readonly size: number;
  get(key: Uint8Array): Uint8Array | null;
  /** Puts entries; those that are there already cost nothing. @returns whether anything has changed. */
  put(entries: readonly MapEntry[]): boolean;
  remove(keys: readonly Uint8Array[]): boolean;
  /** Removes everything but these. */
  keepOnly(keys: readonly Uint8Array[]): boolean;
  entries(): MapEntry[];
};

/**
 * Begins with what an earlier process has left in the map.
 * @param order of keys, in which entries are put; they are removed in the opposite one. Without it, as they are given.
 */
export function mirrorOf(map: BpfMap, order: (one: Uint8Array, other: Uint8Array) => number = () => 0): Mirror {
  const known = new Map(map.entries().map((entry) => [text(entry.key), entry]));
  /** Of a batch that fails, some may have been written: these are written again, and may be there to be removed. */
  const uncertain = new Set<string>();
  const remove = (keys: readonly Uint8Array[]): boolean => {
    const there = keys.filter((key) => known.has(text(key))).sort((one, other) => order(other, one));
    map.deleteAll(there);
    for (const key of there) {
      known.delete(text(key));
      uncertain.delete(text(key));
    }
    return there.length > 0;
  };
  return {
    get size() {
      return known.size;
    },
    get: (key) => known.get(text(key))?.value ?? null,
    put(entries) {
      const changed = entries.filter(({ key, value }) => {
        const before = known.get(text(key));
        return before === undefined || uncertain.has(text(key)) || Buffer.compare(before.value, value) !== 0;
      });
      changed.sort((one, other) => order(one.key, other.key));
      for (const entry of changed) {
        known.set(text(entry.key), entry);
        uncertain.add(text(entry.key));
      }
      map.updateAll(changed);
      for (const { key } of changed) uncertain.delete(text(key));
      return changed.length > 0;
    },
    remove,
    keepOnly(keys) {
      const kept = new Set(keys.map(text));
      return remove([...known.values()].filter(({ key }) => !kept.has(text(key))).map(({ key }) => key));
    },
    entries: () => [...known.values()],
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

import type { BpfMap, MapEntry } from '../bpf/map.ts';

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

/** Begins with what an earlier process has left in the map. */
export function mirrorOf(map: BpfMap): Mirror {
  const known = new Map(map.entries().map((entry) => [text(entry.key), entry]));
  const remove = (keys: readonly Uint8Array[]): boolean => {
    const there = keys.filter((key) => known.delete(text(key)));
    map.deleteAll(there);
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
        return before === undefined || Buffer.compare(before.value, value) !== 0;
      });
      map.updateAll(changed);
      for (const entry of changed) known.set(text(entry.key), entry);
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

import type { BpfMap, MapEntry } from '../libbpf/map.ts';

/** A map in this process's memory, whose writes can be made to fail, and which says what it was at every moment. */
export type TestMap = BpfMap & {
  /** How many entries may still be written before one fails. */
  room: number;
  /** Keys in the order in which they were put (`+`) and deleted (`-`). */
  readonly changes: string[];
  /** What is in it, by keys, as hexadecimal digits. */
  readonly content: ReadonlyMap<string, string>;
};

export function testMap(): TestMap {
  const content = new Map<string, string>();
  const changes: string[] = [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
  const map: TestMap = {
    ...{ name: 'test', fd: -1, keySize: 0, valueSize: 0, room: Number.POSITIVE_INFINITY, changes, content },
    lookup: (key) => (content.has(hex(key)) ? bytes(content.get(hex(key)) ?? '') : null),
    update(key, value) {
      if (map.room-- <= 0) throw new Error('no room');
      changes.push(`+${hex(key)}`);
      content.set(hex(key), hex(value));
    },
    delete(key) {
      changes.push(`-${hex(key)}`);
      content.delete(hex(key));
    },
    async updateAside(key, value) {
      map.update(key, value);
    },
    async deleteAside(key) {
      map.delete(key);
    },
    updateAll(entries) {
      for (const { key, value } of entries) map.update(key, value);
    },
    deleteAll(keys) {
      for (const key of keys) map.delete(key);
    },
    entries: (): MapEntry[] => [...content].map(([key, value]) => ({ key: bytes(key), value: bytes(value) })),
    scan(visit) {
      for (const { key, value } of map.entries()) visit(key, value);
    },
    close: () => undefined,
  };
  return map;
}

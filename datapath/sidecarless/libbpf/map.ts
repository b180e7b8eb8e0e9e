import { closeSync } from 'node:fs';
import { libbpf, resultOf } from './libbpf.ts';
import { mapTypes } from './map-types.ts';

/** Entries that are read by one system call. More than one bucket of a hash ever has. */
const batchEntries = 4096;

/** -ENOENT; of a batch, that it is the last. */
const noSuchEntry = -2;

const noPrealloc = 1;
const readOnlyForPrograms = 1 << 7;

/** One key and its value, as bytes in the map's layout. */
export type MapEntry = { key: Uint8Array; value: Uint8Array };

/**
 * A BPF map by its descriptor. Values of per-CPU maps are one after the other, each on a multiple of 8 bytes. All calls
 * throw LabError LAB_BPF_FAILED with the map's name.
 */
export type BpfMap = {
  readonly name: string;
  readonly fd: number;
  readonly keySize: number;
  readonly valueSize: number;
  lookup(key: Uint8Array): Uint8Array | null;
  update(key: Uint8Array, value: Uint8Array): void;
  /** No error where there is no such key. */
  delete(key: Uint8Array): void;
  /** Of a map of maps, without holding anybody up: the kernel waits there for all programs that run. */
  updateAside(key: Uint8Array, value: Uint8Array): Promise<void>;
  deleteAside(key: Uint8Array): Promise<void>;
  /** In one system call where the kernel can. */
  updateAll(entries: readonly MapEntry[]): void;
  deleteAll(keys: readonly Uint8Array[]): void;
  /** Of a hash or a trie. Where programs write to it meanwhile, those that were there all the time at least. */
  entries(): MapEntry[];
  /** Shows the same entries one by one: the bytes are others after the call. For maps whose size only programs know. */
  scan(visit: (key: Uint8Array, value: Uint8Array) => void): void;
  close(): void;
};

/** Sizes are those of the map's own layout; for a per-CPU map `valueSize` is that of all CPUs' values together. */
export function bpfMap(name: string, fd: number, keySize: number, valueSize: number): BpfMap {
  const bpf = libbpf();
  const map: BpfMap = {
    name,
    fd,
    keySize,
    valueSize,
    lookup(key) {
      const value = new Uint8Array(valueSize);
      const result = bpf.lookup(fd, key, value);
      if (result === noSuchEntry) return null;
      resultOf(`${name}: lookup`, result);
      return value;
    },
    update: (key, value) => void resultOf(`${name}: update`, bpf.update(fd, key, value, 0)),
    delete(key) {
      const result = bpf.remove(fd, key);
      if (result !== noSuchEntry) resultOf(`${name}: delete`, result);
    },
    async updateAside(key, value) {
      resultOf(`${name}: update`, await bpf.updateAside(fd, key, value, 0));
    },
    async deleteAside(key) {
      const result = await bpf.removeAside(fd, key);
      if (result !== noSuchEntry) resultOf(`${name}: delete`, result);
    },
    updateAll(entries) {
      if (entries.length === 0) return;
      const keys = packed(
        entries.map(({ key }) => key),
        keySize,
      );
      const values = packed(
        entries.map(({ value }) => value),
        valueSize,
      );
      const count = new Uint32Array([entries.length]);
      resultOf(`${name}: update of ${entries.length}`, bpf.updateBatch(fd, keys, values, count, null));
    },
    deleteAll(keys) {
      for (const key of keys) map.delete(key);
    },
    entries() {
      const found: MapEntry[] = [];
      map.scan((key, value) => found.push({ key: key.slice(), value: value.slice() }));
      return found;
    },
    scan: (visit) => scan(map, visit),
    close: () => closeSync(fd),
  };
  return map;
}

/** By as few system calls as there are batches: connections are up to 262,144 entries. */
function scan({ name, fd, keySize, valueSize }: BpfMap, visit: (key: Uint8Array, value: Uint8Array) => void): void {
  // Where the next batch begins: a bucket's number or a key.
  const position = new Uint8Array(Math.max(keySize, 4));
  const keys = new Uint8Array(batchEntries * keySize);
  const values = new Uint8Array(batchEntries * valueSize);
  for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
    const count = new Uint32Array([batchEntries]);
    const result = libbpf().lookupBatch(fd, isFirst ? null : position, position, keys, values, count, null);
    isLast = result === noSuchEntry;
    if (!isLast) resultOf(`${name}: lookup of a batch`, result);
    for (let index = 0; index < (count[0] ?? 0); index++) {
      visit(
        keys.subarray(index * keySize, (index + 1) * keySize),
        values.subarray(index * valueSize, (index + 1) * valueSize),
      );
    }
  }
}

/** The trie of one endpoint's policy, as `sl_policies` takes it. */
export function createPolicyMap(
  name: string,
  {
    keySize,
    valueSize,
    entries,
  }: {
    keySize: number;
    valueSize: number;
    entries: number;
  },
): BpfMap {
  // struct bpf_map_create_opts: its size, four BTF ids, the inner map, and the flags.
  const options = new DataView(new ArrayBuffer(56));
  options.setBigUint64(0, 56n, true);
  options.setUint32(28, noPrealloc | readOnlyForPrograms, true);
  const fd = libbpf().createMap(mapTypes.LPM_TRIE, name, keySize, valueSize, entries, new Uint8Array(options.buffer));
  return bpfMap(name, resultOf(`make map ${name}`, fd), keySize, valueSize);
}

function packed(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(parts.length * size);
  parts.forEach((part, index) => {
    all.set(part, index * size);
  });
  return all;
}

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { libbpf, resultOf } from './libbpf.ts';
import { bpfMap, createPolicyMap, type MapEntry } from './map.ts';
import { mapTypes } from './map-types.ts';

const count = 10_000;
const entries: MapEntry[] = Array.from({ length: count }, (_, index) => ({
  key: bytes(index),
  value: bytes(index * 7),
}));

const made = libbpf().createMap(mapTypes.HASH, 'lab_test', 4, 4, 2 * count, null);
const map = bpfMap('lab_test', resultOf('make a map', made), 4, 4);
after(() => map.close());

test('an empty map has no entries', () => {
  assert.deepEqual(map.entries(), []);
});

test('all entries come back, in however many batches', () => {
  map.updateAll(entries);
  assert.deepEqual(sorted(map.entries()), entries);
});

test('deleting what is not there is no error, and leaves the rest', () => {
  map.deleteAll([bytes(1), bytes(1), bytes(count)]);
  assert.equal(map.lookup(bytes(1)), null);
  assert.deepEqual(
    sorted(map.entries()),
    entries.filter((_, index) => index !== 1),
  );
});

test('a trie gives its entries too', () => {
  const trie = createPolicyMap('lab_test', { keySize: 12, valueSize: 8, entries: 16 });
  try {
    const key = Uint8Array.from([64, 0, 0, 0, 1, 0, 0, 0, 0, 6, 0, 80]);
    const value = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    trie.updateAll([{ key, value }]);
    assert.deepEqual(trie.entries(), [{ key, value }]);
  } finally {
    trie.close();
  }
});

function bytes(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

function sorted(found: readonly MapEntry[]): MapEntry[] {
  const numberOf = ({ key }: MapEntry): number => new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  return found.toSorted((one, other) => numberOf(one) - numberOf(other));
}

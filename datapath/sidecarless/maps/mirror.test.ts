import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MapEntry } from '../libbpf/map.ts';
import { testMap } from '../tests/test-map.ts';
import { mirrorOf } from './mirror.ts';

const entry = (key: number, value = 1): MapEntry => ({ key: Uint8Array.of(key), value: Uint8Array.of(value) });
const keysOf = (map: ReturnType<typeof testMap>): string => [...map.content.keys()].toSorted().join(' ');

test('only differences are written', () => {
  const map = testMap();
  map.updateAll([entry(1), entry(2)]);
  const mirror = mirrorOf(map);
  map.changes.length = 0;
  assert.equal(mirror.put([entry(1), entry(2)]), false);
  assert.equal(mirror.put([entry(1), entry(2, 2), entry(3)]), true);
  assert.equal(mirror.keepOnly([entry(2).key, entry(3).key]), true);
  assert.deepEqual(map.changes, ['+02', '+03', '-01']);
});

test('what a failed batch may have written is written again, and removed when nobody wants it any more', () => {
  const map = testMap();
  const mirror = mirrorOf(map);
  map.room = 2;
  assert.throws(() => mirror.put([entry(1), entry(2), entry(3)]));
  assert.equal(keysOf(map), '01 02');
  map.room = Number.POSITIVE_INFINITY;
  assert.equal(mirror.put([entry(1)]), true);
  mirror.keepOnly([entry(1).key]);
  assert.equal(keysOf(map), '01');
  assert.equal(mirror.put([entry(1)]), false);
});

test('in an order of keys entries are put, and removed in the opposite one', () => {
  const map = testMap();
  const mirror = mirrorOf(map, (one, other) => (other[0] ?? 0) - (one[0] ?? 0));
  mirror.put([entry(1), entry(3), entry(2)]);
  mirror.keepOnly([]);
  assert.deepEqual(map.changes, ['+03', '+02', '+01', '-01', '-02', '-03']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addedGrowth, growthOf, numbersOf } from './growth.ts';

test('a counter that both readings have grew by their difference', () => {
  assert.deepEqual(numbersOf(growthOf({ hop: 10, other: 3 }, { hop: 60, other: 3 })), { hop: 50, other: 0 });
});

test('a counter that a reading lacks is not left out, and says which reading that is', () => {
  for (const [before, after, reason] of [
    [{}, { hop: 3 }, /the reading before/],
    [{ hop: null }, { hop: 0 }, /the reading before/],
    [{ hop: 3 }, {}, /the reading after/],
    [{ hop: 0 }, { hop: null }, /the reading after/],
    [{ hop: null }, { hop: null }, /neither reading/],
  ] as const) {
    const { hop } = growthOf(before, after);
    assert.equal(hop?.value, null);
    assert.match(hop?.reason ?? '', reason);
  }
});

test('what one block does not say, all blocks together do not', () => {
  const lost = growthOf({ hop: 1, other: 1 }, { hop: 2 });
  const sum = addedGrowth(growthOf({ hop: 0, other: 0 }, { hop: 5, other: 1 }), lost);
  assert.deepEqual(numbersOf(sum), { hop: 6, other: null });
  assert.match(sum.other?.reason ?? '', /the reading after/);
  assert.equal(addedGrowth(sum, growthOf({}, {})).hop?.value, null);
});

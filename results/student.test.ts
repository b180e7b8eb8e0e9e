import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalBelow, student975 } from './student.ts';

test("Student's t quantiles are those of the printed tables", () => {
  const table = { 1: 12.706, 2: 4.303, 4: 2.776, 5: 2.571, 6: 2.447, 9: 2.262, 19: 2.093, 29: 2.045, 120: 1.98 };
  for (const [degrees, expected] of Object.entries(table)) {
    assert.ok(Math.abs(student975(Number(degrees)) - expected) < 0.0035, `${degrees}: ${student975(Number(degrees))}`);
  }
});

test('the normal distribution is that of the printed tables, on both sides', () => {
  for (const [z, expected] of [
    [0, 0.5],
    [1, 0.8413447],
    [1.959964, 0.975],
    [-1.959964, 0.025],
    [-3, 0.0013499],
  ] as const) {
    assert.ok(Math.abs(normalBelow(z) - expected) < 2e-7, `${z}: ${normalBelow(z)}`);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalAbove, normalQuantileAbove, studentAbove, studentQuantileAbove } from './student.ts';

test("Student's t quantiles are those of the printed tables", () => {
  const table = {
    1: 12.7062,
    2: 4.30265,
    3: 3.18245,
    4: 2.77645,
    5: 2.57058,
    9: 2.26216,
    10: 2.22814,
    19: 2.09302,
    30: 2.04227,
    120: 1.97993,
  };
  for (const [degrees, expected] of Object.entries(table)) {
    const t = studentQuantileAbove(0.025, Number(degrees));
    assert.ok(Math.abs(t - expected) < 6e-5, `${degrees}: ${t}`);
    assert.ok(Math.abs(studentAbove(t, Number(degrees)) - 0.025) < 1e-9);
    assert.ok(Math.abs(studentAbove(-t, Number(degrees)) - 0.975) < 1e-9);
  }
});

test('the normal distribution is that of the printed tables, on both sides', () => {
  for (const [z, expected] of [
    [0, 0.5],
    [1, 0.1586553],
    [1.959964, 0.025],
    [-1.959964, 0.975],
    [-3, 0.9986501],
  ] as const) {
    assert.ok(Math.abs(normalAbove(z) - expected) < 2e-7, `${z}: ${normalAbove(z)}`);
  }
  assert.ok(Math.abs(normalQuantileAbove(0.025) - 1.959964) < 1e-5);
  assert.ok(Math.abs(normalQuantileAbove(0.2) - 0.841621) < 1e-5);
  assert.ok(Math.abs(normalQuantileAbove(0.0005) - 3.290527) < 1e-3);
});

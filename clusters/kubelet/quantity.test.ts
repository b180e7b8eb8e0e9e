import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity } from './quantity.ts';

test('quantities are read in all of their notations', () => {
  const cases: [string, number][] = [
    ['0.5', 0.5],
    ['250m', 0.25],
    ['64Mi', 67_108_864],
    ['1G', 1e9],
    ['2e3', 2000],
    ['1.5Ki', 1536],
    ['100u', 0.0001],
  ];
  for (const [text, value] of cases) assert.ok(Math.abs(parseQuantity(text) - value) < 1e-9, text);
  for (const text of ['', 'Mi', '1 Gi', '5X']) assert.throws(() => parseQuantity(text), /no resource quantity/);
});

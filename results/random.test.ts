import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random, shuffled, splitmix64, xoshiro128 } from './random.ts';

test('SplitMix64 gives the outputs of its reference implementation', () => {
  assert.deepEqual(splitmix64(1234567n, 3), [6457827717110365317n, 3203168211198807973n, 9817491932198370423n]);
});

test('xoshiro128** gives the outputs of its reference implementation', () => {
  const next = xoshiro128([1, 2, 3, 4]);
  const outputs = Array.from({ length: 10 }, next);
  const expected = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ];
  assert.deepEqual(outputs, expected);
});

test('a seed gives the same numbers again, another seed others, a negative one as well', () => {
  const numbers = (seed: number) => {
    const { uniform } = random(seed);
    return Array.from({ length: 8 }, uniform);
  };
  assert.deepEqual(numbers(7), numbers(7));
  assert.notDeepEqual(numbers(7), numbers(8));
  assert.notDeepEqual(numbers(-1), numbers(1));
});

test('uniform, below and normal have the moments of their distributions', () => {
  const source = random(3);
  const n = 100_000;
  const mean = (draw: () => number) => Array.from({ length: n }, draw).reduce((sum, value) => sum + value, 0) / n;
  near(mean(source.uniform), 0.5, 0.005);
  near(
    mean(() => source.below(10)),
    4.5,
    0.05,
  );
  near(mean(source.normal), 0, 0.02);
  near(
    mean(() => source.normal() ** 2),
    1,
    0.02,
  );
});

test('a shuffle keeps every value and brings each to each place equally often', () => {
  const source = random(5);
  const first = new Map<string, number>();
  for (let turn = 0; turn < 6000; turn++) {
    const order = shuffled(['a', 'b', 'c'], source);
    assert.deepEqual([...order].sort(), ['a', 'b', 'c']);
    first.set(order.join(''), (first.get(order.join('')) ?? 0) + 1);
  }
  assert.equal(first.size, 6);
  for (const count of first.values()) near(count, 1000, 150);
});

function near(value: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(value - expected) <= tolerance, `${value} is not within ${tolerance} of ${expected}`);
}

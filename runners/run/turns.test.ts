import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../results/random.ts';
import { turnsOf } from './turns.ts';

const counts = Array.from({ length: 12 }, (_, index) => index + 2);
const passes = Array.from({ length: 36 }, (_, index) => index + 5);

test('every turn is in every pass once', () => {
  for (const [count, order] of orders()) {
    for (const pass of order) assert.deepEqual(pass.toSorted(ascending), [...Array(count).keys()]);
  }
});

test('within passes every turn comes equally often right before every other', () => {
  for (const [count, order] of orders()) {
    const followed = order.flatMap((pass) => pass.slice(1).map((turn, place) => [pass[place] ?? 0, turn] as const));
    // With an odd number of turns there is no design that has each pair once.
    assert.ok(spreadOf(count, followed) <= (count % 2 === 0 ? 1 : 2), `${count} turns, ${order.length} passes`);
  }
});

test('across the borders of passes too, as far as there are enough of them', () => {
  for (const [count, order] of orders()) {
    const turns = order.flat();
    const followed = turns.slice(1).map((turn, place) => [turns[place] ?? 0, turn] as const);
    assert.ok(spreadOf(count, followed) <= 4, `${count} turns, ${order.length} passes`);
  }
});

test('every turn stands equally often in every place', () => {
  for (const [count, order] of orders()) {
    const stood = order.flatMap((pass) => pass.map((turn, place) => [turn, place] as const));
    assert.ok(spreadOf(count, stood, true) <= 2, `${count} turns, ${order.length} passes`);
  }
});

test('another seed gives another order, the same one the same', () => {
  assert.deepEqual(turnsOf(9, 20, random(1)), turnsOf(9, 20, random(1)));
  assert.notDeepEqual(turnsOf(9, 20, random(1)), turnsOf(9, 20, random(2)));
});

function* orders(): Generator<[count: number, order: number[][]]> {
  for (const count of counts) {
    for (const one of passes) {
      made.set(`${count} ${one}`, made.get(`${count} ${one}`) ?? turnsOf(count, one, random(count * one)));
      yield [count, made.get(`${count} ${one}`) ?? []];
    }
  }
}
const made = new Map<string, number[][]>();

/** How much more often the most frequent pair is there than the least frequent one. */
function spreadOf(count: number, pairs: readonly (readonly [number, number])[], withItself = false): number {
  const times = new Map<string, number>();
  for (const pair of pairs) times.set(`${pair}`, (times.get(`${pair}`) ?? 0) + 1);
  const all = [...Array(count).keys()].flatMap((one) =>
    [...Array(count).keys()]
      .filter((other) => withItself || other !== one)
      .map((other) => times.get(`${[one, other]}`) ?? 0),
  );
  return Math.max(...all) - Math.min(...all);
}

function ascending(one: number, other: number): number {
  return one - other;
}

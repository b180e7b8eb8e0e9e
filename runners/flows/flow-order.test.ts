import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowOrder, holdMs, type TimedLine } from './flow-order.ts';

const line = (second: number, text = `${second}`): TimedLine => ({
  kind: 'flow',
  time: `2026-01-01T00:00:0${second}.000000000Z`,
  text,
  json: {},
});
const texts = (lines: readonly TimedLine[]): string => lines.map(({ text }) => text).join(' ');

test('lines wait for earlier ones of other nodes, and take them along', () => {
  const order = new FlowOrder();
  order.push(line(2), 0);
  order.push(line(4), 0);
  assert.equal(texts(order.take(holdMs - 1)), '');
  order.push(line(3), holdMs - 1);
  order.push(line(5), holdMs - 1);
  assert.equal(texts(order.take(holdMs)), '2 3 4');
  assert.equal(texts(order.take(holdMs)), '');
  assert.equal(texts(order.take(2 * holdMs)), '5');
});

test('what comes too late is told all the same, and what is of one time stays in its order', () => {
  const order = new FlowOrder();
  order.push(line(5), 0);
  assert.equal(texts(order.take(holdMs)), '5');
  order.push(line(1, 'late'), holdMs);
  order.push(line(6, 'a'), holdMs);
  order.push(line(6, 'b'), holdMs);
  assert.equal(texts(order.drain()), 'late a b');
  assert.equal(texts(order.drain()), '');
});

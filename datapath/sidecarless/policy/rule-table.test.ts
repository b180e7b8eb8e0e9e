import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomNumbers } from '../tests/random-policies.ts';
import type { RuleName } from './rule.ts';
import { RuleTable } from './rule-table.ts';

const name = (policy: string, index: number): RuleName => ({
  kind: 'NetworkPolicy',
  namespace: 'shop',
  name: policy,
  path: `spec.ingress[${index}]`,
  direction: 'ingress',
  index,
  deny: false,
});

test('a rule has the same number in every table, and a table knows whose it is', () => {
  const [one, other] = [new RuleTable(), new RuleTable()];
  other.numberOf(name('b', 0));
  assert.equal(one.numberOf(name('a', 0)), other.numberOf(name('a', 0)));
  assert.equal(one.numberOf(name('a', 0)), one.numberOf(name('a', 0)));
  assert.deepEqual(one.nameOf(one.numberOf(name('a', 1))), name('a', 1));
  assert.equal(one.nameOf(0), null);
});

test('no two rules have the same number, not even by chance', () => {
  const table = new RuleTable();
  const numbers = new Set<number>();
  const next = randomNumbers(1);
  // Of so many, some would be the same.
  for (let index = 0; index < 200_000; index++) numbers.add(table.numberOf(name(`${next()}`, index)));
  assert.equal(numbers.size, 200_000);
  assert.ok(!numbers.has(0));
});

test('numbers of an object that is gone are given up, others are not', () => {
  const table = new RuleTable();
  const [gone, kept] = [table.numberOf(name('a', 0)), table.numberOf(name('b', 0))];
  table.forget({ kind: 'NetworkPolicy', namespace: 'shop', name: 'a' });
  assert.equal(table.nameOf(gone), null);
  assert.deepEqual(table.nameOf(kept), name('b', 0));
  assert.equal(table.numberOf(name('a', 0)), gone);
});

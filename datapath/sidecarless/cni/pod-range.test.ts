import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInRange, podRange } from './pod-range.ts';

test('addresses are in a range or not', () => {
  const range = podRange('10.244.1.0/24');
  assert.equal(range.family, 4);
  assert.ok(isInRange(range, '10.244.1.255'));
  assert.ok(!isInRange(range, '10.244.2.0'));
  assert.ok(!isInRange(range, '::ffff:10.244.1.1'));
  assert.ok(!isInRange(range, ''));
  assert.ok(isInRange(podRange('fd00::/64'), 'fd00::ffff:ffff:ffff:ffff'));
  assert.ok(!isInRange(podRange('fd00::/64'), 'fd00:0:0:1::'));
});

test('what is no range is refused', () => {
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.1/24',
    'fd00::/129',
    'fd00::1/64',
    'x/8',
  ]) {
    assert.throws(() => podRange(text), { code: 'LAB_CIDR_INVALID' }, text);
  }
  assert.throws(() => podRange('10.0.0.1/24'), /10\.0\.0\.1\/24 does not begin where its range does: 10\.0\.0\.0\/24/);
});

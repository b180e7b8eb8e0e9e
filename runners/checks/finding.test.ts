import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, holds, type Target } from './finding.ts';

const finding = (value: number | null, interval: Finding['interval'], target: Target | null): Finding => ({
  ...{ name: 'figure', text: '', value, interval, target },
});

test('a value must be on the right side itself, or its interval must reach it', () => {
  assert.equal(holds(finding(0.98, [0.95, 1.02], { atLeast: 1, by: 'interval' })), true);
  assert.equal(holds(finding(0.98, [0.95, 1.02], { atLeast: 1, by: 'value' })), false);
  assert.equal(holds(finding(0.9, [0.85, 0.95], { atLeast: 1, by: 'interval' })), false);
  assert.equal(holds(finding(0.04, null, { atMost: 0.04, by: 'value' })), true);
  assert.equal(holds(finding(1.1, [1.05, 1.2], { equal: 1, by: 'interval' })), false);
  assert.equal(holds(finding(1.1, [0.95, 1.2], { equal: 1, by: 'interval' })), true);
});

test('what was not measured, or has no interval where one decides, does not hold', () => {
  assert.equal(holds(finding(null, null, { atLeast: 1, by: 'value' })), false);
  assert.equal(holds(finding(2, null, { atLeast: 1, by: 'interval' })), false);
  assert.equal(holds(finding(2, null, null)), null);
});

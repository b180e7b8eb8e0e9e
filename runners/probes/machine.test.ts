import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStat } from './machine.ts';

test('busy time is all but idle, waiting and stolen time; guest time is not counted twice', () => {
  //                user nice system idle iowait irq softirq steal guest guest_nice
  const { busySeconds, stealSeconds } = parseStat(
    'cpu  1000 100 500 90000 700 20 80 40 300 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n',
  );
  assert.equal(busySeconds, 17);
  assert.equal(stealSeconds, 0.4);
});

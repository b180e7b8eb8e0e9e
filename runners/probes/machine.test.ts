import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busyBetween, parseStat, readMachineTime } from './machine.ts';

test('reads idle, waiting and stolen time of all cores, and how many there are', () => {
  //                user nice system idle iowait irq softirq steal guest guest_nice
  const stat =
    'cpu  1000 100 500 90000 700 20 80 40 300 0\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 5\n';
  assert.deepEqual(parseStat(stat), { cores: 2, idleSeconds: 907, stealSeconds: 0.4 });
});

test('busy is what the cores had, less what they idled and what was stolen', () => {
  const begin = { at: 10, cores: 2, idleSeconds: 100, stealSeconds: 1 };
  const end = { at: 14, cores: 2, idleSeconds: 106.5, stealSeconds: 1.25 };
  assert.deepEqual(busyBetween(begin, end), { busySeconds: 1.25, stealSeconds: 0.25 });
});

test('sees work that is done between the kernel’s ticks', () => {
  const begin = readMachineTime();
  const until = performance.now() + 200;
  while (performance.now() < until);
  const { busySeconds, stealSeconds } = busyBetween(begin, readMachineTime());
  // In what a hypervisor took of the 200 ms this process did no work.
  const seen = `${busySeconds} s, and ${stealSeconds} s were stolen`;
  assert.ok(busySeconds >= 0.17 - stealSeconds, `200 ms of work show as ${seen}`);
});

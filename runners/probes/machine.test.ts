import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { busyBetween, parseStat, readMachineTime, readPressureSeconds } from './machine.ts';

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

test('pressure is what tasks waited for a processor, and missing where the kernel does not measure it', async (t) => {
  const path = join(await mkdtemp(join(tmpdir(), 'lab-pressure-')), 'cpu');
  t.after(() => rm(path, { force: true }));
  await writeFile(path, 'some avg10=1.00 avg60=0.50 avg300=0.10 total=1500000\nfull avg10=0.00 total=0\n');
  assert.deepEqual(readPressureSeconds(path), { value: 1.5, reason: null });
  await rm(path);
  assert.match(readPressureSeconds(path).reason ?? '', /PSI/);
});

import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess } from '../../clusters/process.ts';
import { buildC } from '../../clusters/tools/build.ts';
import { foreignSeconds, watchMachine } from './machine-watch.ts';

const program = join(mkdtempSync(join(tmpdir(), 'lab-watch-')), 'lab-watch');
const process = { pid: 10, start: 5, own: 3, children: 1 };

before(async (t) => {
  const source = join(import.meta.dirname, 'lab-watch.c');
  await buildC(source, program, { signal: (t as { signal: AbortSignal }).signal, progress: () => undefined });
});

test('what a process used between two readings is what it grew by', () => {
  assert.equal(foreignSeconds([process], [{ ...process, own: 4, children: 1.5 }]), 1.5);
});

test('a new process counts whole, and one of the same number that began later is a new one', () => {
  assert.equal(foreignSeconds([], [process]), 4);
  assert.equal(foreignSeconds([process], [{ pid: 10, start: 6, own: 0.5, children: 0 }]), 0.5);
});

test('what an ended process used before does not count once more when its parent has waited for it', () => {
  const parent = { pid: 1, start: 1, own: 0, children: 0 };
  assert.equal(foreignSeconds([parent, process], [{ ...parent, children: 4.25 }]), 0.25);
});

test('an ended process that nobody waited for takes nothing off what others used', () => {
  const other = { pid: 1, start: 1, own: 2, children: 0 };
  assert.equal(foreignSeconds([other, process], [{ ...other, own: 3 }]), 1);
});

test('what descends from the lab is not foreign, and its own cost is told', async () => {
  const watch = await watchMachine(program);
  const child = startProcess('sleep', ['60']);
  try {
    const begin = await watch.read();
    await delay(200);
    const end = await watch.read();
    for (const pid of [globalThis.process.pid, child.pid, 2]) {
      assert.ok(
        end.processes.every((process) => process.pid !== pid),
        `${pid}`,
      );
    }
    assert.ok(end.processes.some(({ pid }) => pid === globalThis.process.ppid));
    const cores = (end.ownSeconds - begin.ownSeconds) / 0.2;
    assert.ok(cores > 0 && cores < 0.1, `it takes ${cores} cores`);
    assert.ok(end.standstillSeconds.value === null || end.standstillSeconds.value >= 0);
  } finally {
    child.kill('SIGKILL');
    await watch.close();
  }
});

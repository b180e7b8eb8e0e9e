import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tryExec } from './exec.ts';
import { lockFile } from './file-lock.ts';
import { startProcess } from './process.ts';

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lab-lock-test-'));
});
after(() => rm(root, { recursive: true }));

const signal = new AbortController().signal;
const isFree = async (path: string): Promise<boolean> =>
  (await tryExec('flock', ['--nonblock', path, 'true'])).exitCode === 0;

test('a lock keeps others out until it is given back', async () => {
  const path = join(root, 'a');
  const unlock = await lockFile(path, { signal });
  assert.equal(await isFree(path), false);
  const order: string[] = [];
  const second = lockFile(path, { signal }).then((release) => {
    order.push('second');
    return release;
  });
  order.push('first');
  await unlock();
  await (await second)();
  assert.deepEqual(order, ['first', 'second']);
  assert.equal(await isFree(path), true);
});

test('a lock ends with its holder, even one that is killed', async () => {
  const path = join(root, 'b');
  const script = `
    import { lockFile } from ${JSON.stringify(join(import.meta.dirname, 'file-lock.ts'))};
    await lockFile(${JSON.stringify(path)}, { signal: new AbortController().signal });
    console.log('held');
    setInterval(() => {}, 1000);
  `;
  const holder = startProcess(process.execPath, ['--input-type=module', '--eval', script]);
  await new Promise((resolve) => holder.stdout?.once('data', resolve));
  assert.equal(await isFree(path), false);
  holder.kill('SIGKILL');
  const unlock = await lockFile(path, { signal: AbortSignal.timeout(10_000) });
  await unlock();
});

test('waiting can be given up, and says that it waits', async () => {
  const path = join(root, 'c');
  const unlock = await lockFile(path, { signal });
  const giveUp = new AbortController();
  const waiting = lockFile(path, { signal: giveUp.signal, onWait: () => giveUp.abort(new Error('given up')) });
  await assert.rejects(waiting, /given up/);
  await unlock();
  assert.equal(await isFree(path), true);
});

test('a lock in no folder is an error', async () => {
  await assert.rejects(lockFile(join(root, 'none/lock'), { signal }), { code: 'LAB_LOCK_FAILED' });
});

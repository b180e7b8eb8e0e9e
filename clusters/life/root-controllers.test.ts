import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRootControllers, resetRootControllers } from './root-controllers.ts';

test('only controllers that were given since are taken away from the root', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'lab-cgroups-'));
  t.after(() => rmSync(root, { recursive: true }));
  const file = join(root, 'cgroup.subtree_control');
  assert.equal(await readRootControllers(root), null);
  await resetRootControllers(['memory'], root);

  writeFileSync(file, 'cpu memory pids\n');
  assert.deepEqual(await readRootControllers(root), ['cpu', 'memory', 'pids']);
  await resetRootControllers(['memory', 'pids', 'cpu'], root);
  assert.equal(readFileSync(file, 'utf8'), 'cpu memory pids\n');
  // The kernel takes what is written as an order; a plain file shows it.
  await resetRootControllers(['memory', 'pids'], root);
  assert.equal(readFileSync(file, 'utf8'), '-cpu');
});

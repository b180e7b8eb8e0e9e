import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { swapIsCounted } from './swap.ts';

test('swap is counted where a cgroup has the file that limits it', (t) => {
  const v2 = ['cgroup.controllers', 'system.slice/memory.max'];
  assert.equal(swapIsCounted(cgroups(t, v2)), false);
  assert.equal(swapIsCounted(cgroups(t, [...v2, 'user.slice/memory.swap.max'])), true);
  assert.equal(swapIsCounted(cgroups(t, ['memory/memory.limit_in_bytes'])), false);
  assert.equal(swapIsCounted(cgroups(t, ['memory/memory.memsw.limit_in_bytes'])), true);
});

function cgroups(t: TestContext, files: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'lab-cgroups-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  return root;
}

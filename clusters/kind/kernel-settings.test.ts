import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resetSettings, settingsBeforeNodes } from './kernel-settings.ts';

test('what nodes change is put back; what is as they want it, or was changed by somebody else since, stays', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'lab-sys-'));
  t.after(() => rm(root, { recursive: true }));
  const write = async (settings: Record<string, string>): Promise<void> => {
    for (const [name, value] of Object.entries(settings)) await writeFile(join(root, name), `${value}\n`);
  };
  const read = async (name: string): Promise<string> => (await readFile(join(root, name), 'utf8')).trim();
  await mkdir(join(root, 'kernel'));
  await mkdir(join(root, 'vm'));
  await write({ 'kernel/panic': '1', 'kernel/panic_on_oops': '1', 'vm/overcommit_memory': '0' });
  const before = await settingsBeforeNodes(root);
  assert.deepEqual(before, { 'kernel/panic': '1', 'vm/overcommit_memory': '0' });
  // A node starts; then somebody sets one of them himself.
  await write({ 'kernel/panic': '10', 'vm/overcommit_memory': '2' });
  await resetSettings(before, root);
  assert.deepEqual(await Promise.all(['kernel/panic', 'kernel/panic_on_oops', 'vm/overcommit_memory'].map(read)), [
    '1',
    '1',
    '2',
  ]);
});

import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Payload, writeAtomically } from './atomic-directory.ts';

const payload = (files: Record<string, string>): Payload =>
  new Map(
    Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o440, uid: null, gid: null }]),
  );

test('the whole set is exchanged at once, and old files go', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-volume-'));
  try {
    await writeAtomically(directory, payload({ a: '1', 'deep/b': '2', gone: '3' }));
    assert.equal(await readFile(join(directory, 'deep/b'), 'utf8'), '2');
    assert.equal((await stat(join(directory, 'a'))).mode & 0o777, 0o440);
    assert.equal(await readlink(join(directory, 'a')), '..data/a');
    const before = await readlink(join(directory, '..data'));
    const reader = await open(join(directory, 'a'));

    await writeAtomically(directory, payload({ a: 'new', 'deep/c': '4' }));
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), 'new');
    assert.equal(await reader.readFile('utf8'), '1', 'an open file stays what it was');
    await reader.close();
    assert.notEqual(await readlink(join(directory, '..data')), before);
    assert.deepEqual(
      (await readdir(directory)).filter((name) => !name.startsWith('..')),
      ['a', 'deep'],
    );
    assert.deepEqual(await readdir(join(directory, 'deep')), ['c']);
    assert.ok(!(await readdir(directory)).includes(before));
  } finally {
    await rm(directory, { recursive: true });
  }
});

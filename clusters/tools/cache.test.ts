import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { exec } from '../exec.ts';
import { type Cached, cacheRoot, contentHash, ensureCached, isWhole } from './cache.ts';

const context = { signal: new AbortController().signal, progress: () => undefined };
let root = '';
let made = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lab-cache-test-'));
  made = 0;
});
afterEach(() => rm(root, { recursive: true }));

const tool: Cached = {
  name: 'tool',
  async make(directory) {
    made++;
    await mkdir(join(directory, 'bin'));
    await writeFile(join(directory, 'bin/tool'), 'abcdef');
  },
};

const ensure = (cached = tool) => ensureCached(join(root, 'tool-1'), cached, context);
const content = () => readFile(join(root, 'tool-1/bin/tool'), 'utf8');

test('what is whole is made once', async () => {
  await ensure();
  await ensure();
  assert.deepEqual([made, await content()], [1, 'abcdef']);
  assert.equal((await stat(join(root, 'tool-1'))).mode & 0o777, 0o755);
});

test('damage is noticed and made good: cut short, changed in place, removed, no manifest, a broken manifest', async () => {
  await ensure();
  const file = join(root, 'tool-1/bin/tool');
  const damages: (() => Promise<void>)[] = [
    () => truncate(file, 3),
    async () => {
      const before = join(root, 'before');
      await exec('cp', ['--preserve=timestamps', file, before]);
      const handle = await open(file, 'r+');
      await handle.write('X', 2);
      await handle.close();
      // Even where size and time of modification are as before.
      await exec('touch', ['--reference', before, file]);
    },
    () => rm(file),
    () => rm(join(root, 'tool-1/manifest.json')),
    () => writeFile(join(root, 'tool-1/manifest.json'), '{"files": {"bin/tool": 3}}'),
  ];
  for (const [index, damage] of damages.entries()) {
    await damage();
    assert.equal(await isWhole(join(root, 'tool-1')), false, `damage ${index} was not noticed`);
    await ensure();
    assert.deepEqual([made, await content()], [index + 2, 'abcdef']);
  }
});

test('a touched file that is still the same is not made again', async () => {
  await ensure();
  const { stamp } = await recorded();
  await utimes(join(root, 'tool-1/bin/tool'), 1, 1);
  await ensure();
  assert.equal(made, 1);
  assert.notEqual((await recorded()).stamp, stamp, 'the check is not remembered');
});

test('what fails half way leaves nothing, and the next call starts anew', async () => {
  const failing: Cached = {
    name: 'tool',
    async make(directory) {
      await writeFile(join(directory, 'half'), 'x');
      throw new Error('no network');
    },
  };
  await assert.rejects(ensure(failing), /no network/);
  assert.deepEqual(await readdir(root), ['tool-1.lock']);
  await assert.rejects(ensure({ name: 'tool', make: async () => undefined }), /nothing was made/);
  await ensure();
  assert.equal(await content(), 'abcdef');
});

test('what a killed call left is removed', async () => {
  await mkdir(join(root, 'tool-1.draft-abc'));
  await writeFile(join(root, 'tool-1.draft-abc/half'), 'x');
  await mkdir(join(root, 'tool-10.draft-abc'));
  await ensure();
  assert.deepEqual((await readdir(root)).sort(), ['tool-1', 'tool-1.lock', 'tool-10.draft-abc']);
});

test('a large thing takes the place of older ones of its series, and of nothing else', async () => {
  const [old, now] = ['large-0123456789ab', 'large-ba9876543210'];
  for (const name of [old, 'large-unlike', 'larger-0123456789ab', now]) {
    await ensureCached(join(root, name), name === now ? { ...tool, series: 'large-' } : tool, context);
  }
  const left = (await readdir(root)).filter((name) => !name.endsWith('.lock'));
  assert.deepEqual(left.sort(), [now, 'large-unlike', 'larger-0123456789ab']);
});

test('of two calls at once one makes it and the other waits', async () => {
  await Promise.all([ensure(), ensure(), ensure()]);
  assert.equal(made, 1);
});

test('the hash changes with its inputs, the root follows XDG_CACHE_HOME where that is absolute', () => {
  assert.notEqual(contentHash({ a: 1 }), contentHash({ a: 2 }));
  const before = process.env.XDG_CACHE_HOME;
  try {
    process.env.XDG_CACHE_HOME = '/somewhere';
    assert.equal(cacheRoot(), '/somewhere/lab');
    process.env.XDG_CACHE_HOME = 'relative';
    assert.match(cacheRoot(), /^\/.*\/\.cache\/lab$/);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
});

async function recorded(): Promise<{ stamp: string }> {
  return JSON.parse(await readFile(join(root, 'tool-1/manifest.json'), 'utf8')).files['bin/tool'];
}

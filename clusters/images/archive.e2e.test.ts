import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../exec.ts';
import { digestOf, writeImageArchive, writeLayer } from './archive.ts';

test('the same files give the same archive, whenever they were written', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-image-'));
  t.after(() => rm(directory, { recursive: true }));
  const archives = await Promise.all(
    [1, 2].map(async (round) => {
      const root = join(directory, `root-${round}`);
      await mkdir(join(root, 'opt'), { recursive: true });
      for (const name of round === 1 ? ['a', 'b'] : ['b', 'a']) await writeFile(join(root, 'opt', name), name);
      await utimes(join(root, 'opt/a'), round * 1000, round * 1000);
      const layer = await writeLayer(root, join(directory, `layer-${round}.tar`), { signal: t.signal });
      const archive = join(directory, `archive-${round}.tar`);
      const image = { reference: 'lab/a:lab', entrypoint: ['/opt/a'], command: [], workingDir: '/', env: { A: '1' } };
      await writeImageArchive([{ ...image, layers: [layer] }], archive, t.signal);
      return archive;
    }),
  );
  const [first, second] = await Promise.all(archives.map(digestOf));
  assert.equal(first, second);
  const { stdout } = await exec('tar', ['-xOf', archives[0] ?? '', './manifest.json']);
  const [{ RepoTags, Config, Layers }] = JSON.parse(stdout) as [
    { RepoTags: string[]; Config: string; Layers: string[] },
  ];
  assert.deepEqual(RepoTags, ['lab/a:lab']);
  const config = JSON.parse((await exec('tar', ['-xOf', archives[0] ?? '', `./${Config}`])).stdout) as {
    config: { Entrypoint: string[]; Env: string[] };
    rootfs: { diff_ids: string[] };
  };
  assert.deepEqual(config.config.Entrypoint, ['/opt/a']);
  assert.deepEqual(config.config.Env, ['A=1']);
  // A layer is named by what engines check it against.
  assert.deepEqual(
    config.rootfs.diff_ids.map((digest) => `${digest.slice('sha256:'.length)}/layer.tar`),
    Layers,
  );
});

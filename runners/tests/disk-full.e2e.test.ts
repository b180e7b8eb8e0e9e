import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../../clusters/exec.ts';

const results = join(import.meta.dirname, '../../results');
const runner = join(import.meta.dirname, '../record');

/**
 * Saves a made-up run into the folder of its argument until the disk is full, and prints what became of it: how many runs
 * fitted, what the folder holds, whether each of them can be read, and the error.
 */
const fillDisk = `
  import { readdir } from 'node:fs/promises';
  import { fixtureRun } from '${join(results, 'tests/fixture-run.ts')}';
  import { Run } from '${join(results, 'run.ts')}';
  import { list, save } from '${join(results, 'store.ts')}';
  const directory = process.argv[1];
  const made = fixtureRun();
  let saved = 0;
  for (;;) {
    const id = made.id.slice(0, -6) + saved.toString(16).padStart(6, '0');
    try {
      await save(directory, { ...made, id });
      saved += 1;
    } catch ({ code, message, serialised }) {
      const { runs, errors } = await list(directory);
      const kept = Run.parse(JSON.parse(serialised)).id === id;
      const files = await readdir(directory);
      console.log(JSON.stringify({ saved, files: files.length, readable: runs.length, errors: errors.length, code, message, kept }));
      break;
    }
  }
`;

test('on a disk that is really full a save fails whole, keeps the run, and leaves the earlier runs readable', async () => {
  const mountAndFill = 'mount -t tmpfs -o size=512k none /mnt && exec "$0" --input-type=module -e "$1" /mnt/store';
  const { stdout } = await exec('unshare', ['-m', 'sh', '-c', mountAndFill, process.execPath, fillDisk], {
    timeoutMs: 20_000,
  });
  const { saved, files, readable, errors, code, message, kept } = JSON.parse(stdout);
  assert.equal(code, 'LAB_RUN_NOT_SAVED');
  assert.match(message, /the disk is full \(ENOSPC\)/);
  assert.ok(saved > 1, `only ${saved} runs fitted`);
  assert.deepEqual([files, readable, errors], [saved, saved, 0]);
  assert.ok(kept);
});

/** Delivers a made-up run where there is room for it nowhere; the error goes to stderr. */
const deliverNowhere = `
  import { mkdir, readdir } from 'node:fs/promises';
  import { fixtureRun } from '${join(results, 'tests/fixture-run.ts')}';
  import { deliver } from '${join(runner, 'deliver.ts')}';
  const [directory] = process.argv.slice(1);
  const refuges = [directory + '/one', directory + '/other'];
  for (const refuge of refuges) await mkdir(refuge);
  const destination = { out: null, store: directory + '/store', refuges };
  const { stdout, stderr } = process;
  await deliver(fixtureRun(), { destination, json: true, stdout, stderr }).catch(async ({ code, message, remedy }) => {
    const left = (await readdir(directory, { recursive: true })).filter((name) => name.includes('.json'));
    stderr.write(JSON.stringify({ code, message, remedy, left }));
  });
`;

test('where there is no room anywhere the comparison is printed all the same, and nothing half is left', async () => {
  const mountAndDeliver = 'mount -t tmpfs -o size=8k none /mnt && exec "$0" --input-type=module -e "$1" /mnt';
  const { stdout, stderr } = await exec(
    'unshare',
    ['-m', 'sh', '-c', mountAndDeliver, process.execPath, deliverNowhere],
    { timeoutMs: 20_000 },
  );
  assert.ok(JSON.parse(stdout).rows.length > 0);
  const { code, message, remedy, left } = JSON.parse(stderr);
  assert.equal(code, 'LAB_RUN_NOT_SAVED');
  assert.match(message, /the disk is full \(ENOSPC\).*Nor could it be kept elsewhere \(ENOSPC.*; ENOSPC.*\)/);
  assert.match(remedy, /needs \d+ KiB.*run it again/);
  assert.deepEqual(left, []);
});

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ResultError } from './result-error.ts';
import { Run, schemaVersion } from './run.ts';
import { list, load, save, saveAs } from './store.ts';
import { fixtureRun } from './tests/fixture-run.ts';

const run = fixtureRun({ blocks: 2 });

test('a saved run is read back as it was, and nothing else is left', async (t) => {
  const directory = join(await temporary(t), 'deep', 'store');
  const path = await save(directory, run);
  assert.equal(path, join(directory, `${run.id}.json`));
  assert.deepEqual(await load(path), run);
  assert.deepEqual(await readdir(directory), [`${run.id}.json`]);
});

test('a run is never overwritten, not even by two at once', async (t) => {
  const directory = await temporary(t);
  const saves = Array.from({ length: 5 }, () => save(directory, run));
  const outcomes = await Promise.allSettled(saves);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.match(outcome.reason.message, /is in the way|exists already/);
  }
  const other = { ...run, caveats: ['another'] };
  const error = await failure(save(directory, other));
  assert.equal(error.code, 'LAB_RUN_EXISTS');
  assert.deepEqual(Run.parse(JSON.parse(error.serialised ?? '')), other);
  assert.deepEqual(await load(join(directory, `${run.id}.json`)), run);
  assert.deepEqual(await readdir(directory), [`${run.id}.json`]);
});

for (const [code, why] of [
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EIO', 'the device made a noise'],
] as const) {
  test(`a write that fails (${code}) loses neither the run nor the room`, async (t) => {
    const directory = await temporary(t);
    const error = await failure(
      save(directory, run, async (file, content) => {
        await file.write(content.slice(0, 1000));
        throw Object.assign(new Error('the device made a noise'), { code });
      }),
    );
    assert.equal(error.code, 'LAB_RUN_NOT_SAVED');
    assert.ok(error.message.includes(`: ${why} (${code}).`), error.message);
    assert.match(error.remedy, /needs \d+ KiB/);
    assert.equal(error.exitCode, 5);
    assert.deepEqual(await readdir(directory), []);
    const elsewhere = join(directory, 'elsewhere.json');
    await saveAs(elsewhere, Run.parse(JSON.parse(error.serialised ?? '')));
    assert.deepEqual(await load(elsewhere), run);
  });
}

test('a store that is a file is an error that carries the run', async (t) => {
  const file = join(await temporary(t), 'file');
  await writeFile(file, '');
  const error = await failure(save(file, run));
  assert.equal(error.code, 'LAB_RUN_NOT_SAVED');
  assert.ok(error.message.includes(file));
  assert.ok(error.serialised !== null);
});

test('a run that breaks the schema is not stored, and not lost', async (t) => {
  const directory = await temporary(t);
  const broken = { ...run, startedAt: 'noon' };
  const error = await failure(save(directory, broken));
  assert.equal(error.code, 'LAB_RUN_CORRUPT');
  assert.match(error.message, /startedAt/);
  assert.deepEqual(JSON.parse(error.serialised ?? ''), broken);
  assert.deepEqual(await readdir(directory), []);
});

const text = JSON.stringify(run);
const foreign: Record<string, { content: string; code: string; message: RegExp }> = {
  'cut short': { content: text.slice(0, -100), code: 'LAB_RUN_CORRUPT', message: /is not JSON/ },
  empty: { content: '', code: 'LAB_RUN_CORRUPT', message: /is not JSON/ },
  'of another program': {
    content: '{"name":"x"}',
    code: 'LAB_RUN_CORRUPT',
    message: /schemaVersion: .*; and \d+ more/,
  },
  'edited by hand': {
    content: text.replace('"windowSeconds":4', '"windowSeconds":"4"'),
    code: 'LAB_RUN_CORRUPT',
    message: /testCases\[0\]\.outcome\.blocks\[0\]\.windowSeconds: .*number/,
  },
  'of a later lab': {
    content: text.replace(`"schemaVersion":${schemaVersion}`, '"schemaVersion":99'),
    code: 'LAB_RUN_SCHEMA_UNKNOWN',
    message: /schema version 99; this lab reads versions 1 to \d+$/,
  },
  'only null': { content: 'null', code: 'LAB_RUN_CORRUPT', message: /is not a run/ },
};

for (const [what, { content, code, message }] of Object.entries(foreign)) {
  test(`a file ${what} is refused by name, with what is wrong and what to do`, async (t) => {
    const path = join(await temporary(t), 'run.json');
    await writeFile(path, content);
    const error = await failure(load(path));
    assert.equal(error.code, code);
    assert.ok(error.message.startsWith(path), error.message);
    assert.match(error.message, message);
    assert.ok(error.remedy.length > 0);
    assert.equal(error.exitCode, 2);
  });
}

test('a file that is not there, or is a folder, cannot be read', async (t) => {
  const directory = await temporary(t);
  for (const path of [join(directory, 'none.json'), directory]) {
    const error = await failure(load(path));
    assert.equal(error.code, 'LAB_RUN_UNREADABLE');
    assert.ok(error.message.includes(path));
  }
});

test('a list shows every run by its age, and the files that are none apart', async (t) => {
  const directory = await temporary(t);
  const later = { ...run, id: '20261121T130000Z-latency-000001', startedAt: '2026-11-21T13:00:00.000Z' };
  await save(directory, later);
  await save(directory, run);
  await writeFile(join(directory, 'broken.json'), '{');
  await writeFile(join(directory, `.${run.id}.json.partial`), 'left by a killed lab');
  await writeFile(join(directory, 'README.md'), 'no run');
  await mkdir(join(directory, 'folder.json'));
  const { runs, errors } = await list(directory);
  assert.deepEqual(
    runs.map(({ id, path }) => [id, path]),
    [run, later].map(({ id }) => [id, join(directory, `${id}.json`)]),
  );
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['LAB_RUN_CORRUPT', 'LAB_RUN_UNREADABLE'],
  );
});

test('a store that is not there yet is empty', async (t) => {
  assert.deepEqual(await list(join(await temporary(t), 'none')), { runs: [], errors: [] });
});

test('what is on the disk is one line of JSON', async (t) => {
  const content = await readFile(await save(await temporary(t), run), 'utf8');
  assert.equal(content, `${text}\n`);
});

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-store-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

async function failure(promise: Promise<unknown>): Promise<ResultError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ResultError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it should have failed' });
}

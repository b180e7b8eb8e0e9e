import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LabError } from '../../clusters/error.ts';
import { load } from '../../results/store.ts';
import { fixtureRun } from '../../results/tests/fixture-run.ts';
import { keepRun } from './keep.ts';

const run = fixtureRun({ blocks: 2 });

test('a run goes where it should', async (t) => {
  const { store, out, refuges } = await folders(t);
  assert.deepEqual(await load(await keepRun(run, { out: null, store, refuges })), run);
  assert.equal(await keepRun(run, { out, store, refuges }), out);
  assert.deepEqual(await load(out), run);
});

test('where it cannot, it goes to the first refuge that takes it, and the message says where', async (t) => {
  const { store, refuges } = await folders(t);
  await writeFile(store, 'in the way');
  const { code, message, remedy, exitCode } = await failure(keepRun(run, { out: null, store, refuges }));
  const kept = join(refuges[1] ?? '', `${run.id}.json`);
  assert.deepEqual([code, exitCode], ['LAB_RUN_NOT_SAVED', 5]);
  assert.ok(message.includes(store));
  assert.ok(remedy?.endsWith(`It was kept as ${kept}.`), String(remedy));
  assert.deepEqual(await load(kept), run);
});

test('a run that breaks the schema is kept too', async (t) => {
  const { store, refuges } = await folders(t);
  const { code } = await failure(keepRun({ ...run, startedAt: 'noon' }, { out: null, store, refuges }));
  assert.equal(code, 'LAB_RUN_CORRUPT');
  const text = await readFile(join(refuges[1] ?? '', `${run.id}.json`), 'utf8');
  assert.equal(JSON.parse(text).startedAt, 'noon');
});

test('where no refuge takes it, the message says so, and what is there is left alone', async (t) => {
  const { store, refuges } = await folders(t);
  await writeFile(store, 'in the way');
  const kept = join(refuges[1] ?? '', `${run.id}.json`);
  await writeFile(kept, 'mine');
  const { code, message, remedy } = await failure(keepRun(run, { out: null, store, refuges }));
  assert.equal(code, 'LAB_RUN_NOT_SAVED');
  assert.match(message, /Nor could it be kept elsewhere \(ENOENT.*EEXIST.*its samples are lost/);
  assert.match(remedy ?? '', /run it again/);
  assert.equal(await readFile(kept, 'utf8'), 'mine');
  assert.deepEqual(await readdir(refuges[1] ?? ''), [`${run.id}.json`]);
});

/** A store, a file, and two refuges, the first of which is not there. */
async function folders(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'lab-keep-'));
  t.after(() => rm(directory, { recursive: true }));
  const refuges = [join(directory, 'none'), join(directory, 'refuge')];
  await mkdir(refuges[1] ?? '');
  return { store: join(directory, 'store'), out: join(directory, 'out.json'), refuges };
}

async function failure(promise: Promise<unknown>): Promise<LabError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof LabError, String(error));
  return error;
}

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Row } from './comparison.ts';
import { compare } from './rows.ts';
import { schemaVersion } from './run.ts';
import { list, load } from './store.ts';

/** Runs as labs of their time wrote them, and the rows that these labs computed. */
const runs = join(import.meta.dirname, 'tests/runs');
const versions = [1, 2, 3];

for (const version of versions) {
  test(`a run of version ${version} opens, and has the rows that the lab of its time computed`, async () => {
    const run = await load(join(runs, `version-${version}.json`));
    assert.equal(run.schemaVersion, schemaVersion);
    const then = JSON.parse(await readFile(join(runs, `version-${version}.rows.json`), 'utf8')) as Partial<Row>[];
    const { rows } = compare(run);
    const known = Object.keys(then[0] ?? {});
    assert.ok(then.length > 10 && known.includes('ratioToNone'));
    assert.deepEqual(
      rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => known.includes(name)))),
      then,
    );
  });
}

test('there is a run of every version before this one', () => {
  assert.deepEqual(
    versions,
    Array.from({ length: schemaVersion - 1 }, (_, index) => index + 1),
  );
});

test('a list shows runs of earlier versions with the others', async (t) => {
  const store = await mkdtemp(join(tmpdir(), 'lab-store-'));
  t.after(() => rm(store, { recursive: true }));
  for (const version of versions) await cp(join(runs, `version-${version}.json`), join(store, `${version}.json`));
  const listed = await list(store);
  assert.deepEqual([listed.runs.length, listed.errors], [versions.length, []]);
});

test('an earlier run that was edited says what is wrong, and is not taken for a later one', async (t) => {
  const store = await mkdtemp(join(tmpdir(), 'lab-store-'));
  t.after(() => rm(store, { recursive: true }));
  const path = join(store, 'run.json');
  const text = await readFile(join(runs, 'version-3.json'), 'utf8');
  for (const [wrong, message] of [
    [text.replace(/"latency":\{/, '"latenz":{'), /testCases\[0\]\.outcome\.blocks\[0\]\.latency: /],
    [text.replace('"generator":"k6"', '"generator":7'), /generator: /],
    [text.replace('"cores":2', '"cores":"two"'), /host\.cores: /],
  ] as const) {
    assert.notEqual(wrong, text);
    await writeFile(path, wrong);
    await assert.rejects(load(path), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'LAB_RUN_CORRUPT');
      assert.match(error.message, message);
      return true;
    });
  }
});

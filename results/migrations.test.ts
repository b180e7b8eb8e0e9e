import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compare } from './comparison.ts';
import type { Row } from './row.ts';
import { schemaVersion } from './run.ts';
import { list, load } from './store/store.ts';

/** Runs as labs of their time wrote them, and the rows that these labs computed of them. */
const runs = join(import.meta.dirname, 'tests/runs');
const versions = [1, 2, 3, 4];

for (const version of versions) {
  test(`a run of version ${version} opens, and its values are those that the lab of its time computed`, async () => {
    const run = await load(join(runs, `version-${version}.json`));
    assert.equal(run.schemaVersion, schemaVersion);
    const then = JSON.parse(await readFile(join(runs, `version-${version}.rows.json`), 'utf8')) as RowThen[];
    const { rows } = compare(run);
    assert.ok(then.length > 10);
    for (const before of then) {
      const row = rows.find((one) => keyOf(one) === keyOf({ ...before, role: roleToday(before.role) }));
      assert.ok(row !== undefined, JSON.stringify(before));
      assert.deepEqual([row.valid, row.reason, row.unit], [before.valid, before.reason, before.unit]);
      // Since then quantiles lie within their bucket, and ratios are other estimates of the same passes.
      assertNear(row.value.value, before.value, before.quantile === null ? 1e-12 : bucket);
      if (before.ratioToNone === null) assert.equal(row.toNone.ratio, null);
      else assert.ok(row.toNone.ratio !== null);
    }
  });
}

/** What is left over was called `kernel` until version 3 of the methodology, whatever it was. */
function roleToday(role: RowThen['role']): Row['role'] {
  return role === 'kernel' ? 'other' : role;
}

/** What a row of those labs said that today's says too. */
type RowThen = Pick<Row, Exclude<KeyField, 'role'> | 'unit' | 'valid' | 'reason'> & {
  role: Row['role'] | 'kernel';
  value: number | null;
  ratioToNone: number | null;
};
type KeyField = 'dataPlane' | 'variant' | 'profile' | 'encryption' | 'placement' | 'metric' | 'role' | 'quantile';

function keyOf({
  dataPlane,
  variant,
  profile,
  encryption,
  placement,
  metric,
  role,
  quantile,
}: Pick<Row, KeyField>): string {
  return JSON.stringify([dataPlane, variant, profile, encryption, placement, metric, role, quantile]);
}

const bucket = 0.0101;

function assertNear(value: number | null, expected: number | null, share: number): void {
  if (value === null || expected === null) assert.equal(value, expected);
  else assert.ok(Math.abs(value - expected) <= share * Math.abs(expected), `${value}, not ${expected}`);
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

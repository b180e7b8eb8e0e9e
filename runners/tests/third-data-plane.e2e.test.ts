import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Run } from '../../results/run.ts';
import { assertAllProven } from './stage.ts';
import { withThirdDataPlane } from './third-data-plane.ts';

test('a data plane that is one folder and one line is measured, its path proven, and compared', async (t) => {
  const lab = await withThirdDataPlane();
  const directory = await mkdtemp(join(tmpdir(), 'lab-third-run-'));
  t.after(() => Promise.all([lab.remove(), rm(directory, { recursive: true })]));
  const out = join(directory, 'run.json');
  const load = ['--planes', 'none,twin', '--blocks', '2', '--seconds', '1', '--rate', '200', '--connections', '4'];
  const { exitCode, stdout, stderr } = await lab.node(
    ['runners/lab.ts', 'run', 'latency', ...load, '--json', '--out', out],
    { timeoutSeconds: 600 },
  );
  // What a loaded machine does to the figures makes them invalid, and is no matter here.
  assert.ok(exitCode === 0 || exitCode === 4, stderr);
  const { rows } = JSON.parse(stdout) as { rows: { dataPlane: string }[] };
  const rowsOf = (id: string): number => rows.filter(({ dataPlane }) => dataPlane === id).length;
  assert.ok(rowsOf('twin') > 0);
  assert.equal(rowsOf('twin'), rowsOf('none'));
  const run = Run.parse(JSON.parse(await readFile(out, 'utf8')));
  assert.ok(run.testCases.some(({ id }) => id === 'twin/l4/none/cross-node'));
  assertAllProven(run);
});

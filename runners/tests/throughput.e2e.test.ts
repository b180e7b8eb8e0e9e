import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tryExec } from '../../clusters/exec.ts';
import type { Comparison, Row } from '../../results/comparison.ts';
import { load } from '../../results/store.ts';
import { withoutLoad } from './without-load.ts';

const program = join(import.meta.dirname, '../lab.ts');
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-runs-'));
  const { exitCode, stderr } = await lab('up', '--planes', 'none,sidecar,sidecarless');
  assert.equal(exitCode, 0, stderr);
});

after(async () => {
  await rm(folder, { recursive: true });
  const { exitCode, stderr } = await lab('down');
  assert.equal(exitCode, 0, stderr);
});

function lab(...words: string[]) {
  return tryExec(process.execPath, [program, ...words]);
}

/** Runs a scenario on the cluster that is up, and gives what it printed and where it was stored. */
async function measured(name: string, ...words: string[]): Promise<{ rows: readonly Row[]; file: string }> {
  const file = join(folder, `${name}.json`);
  const { stdout, stderr } = await lab('run', ...words, '--json', '--out', file);
  assert.notEqual(stdout, '', stderr);
  return { rows: (JSON.parse(stdout) as Comparison).rows, file };
}

/** Every hop's counters held for every test case: what made a row invalid otherwise is a busy machine's. */
function assertProven(rows: readonly Row[]): void {
  for (const { testCase, metric, reason } of rows) assert.equal(withoutLoad(reason ?? ''), '', `${testCase} ${metric}`);
}

test('bulk and requests are a run: proven, stored, shown again, and compared to none', async () => {
  const { rows, file } = await measured(
    'throughput',
    ...['throughput', '--measurement', 'bulk,requests', '--planes', 'none,sidecar', '--blocks', '1'],
    ...['--set', 'streams=2', '--connections', '8', '--seconds', '1'],
  );
  assertProven(rows);
  const cases = new Set(rows.map(({ testCase }) => testCase));
  assert.deepEqual(
    [...cases].filter((id) => /^(none|sidecar\/l[47]\/mtls)/.test(id)),
    [
      'none/l4/none/cross-node/bulk',
      'sidecar/l4/mtls/cross-node/bulk',
      'none/l4/none/cross-node/requests',
      'sidecar/l4/mtls/cross-node/requests',
      'sidecar/l7/mtls/cross-node/requests',
    ],
  );
  for (const metric of ['bytes_per_second', 'requests_per_second', 'cpu_seconds_per_byte']) {
    const own = rows.filter((row) => row.metric === metric && row.role === null);
    assert.ok(own.length > 0 && own.every(({ value }) => value !== null), metric);
    assert.ok(
      own.every(({ ratioToNone }) => metric.startsWith('cpu') || ratioToNone !== null),
      `${metric} is compared`,
    );
  }
  const run = await load(file);
  assert.deepEqual(run.generators.toSorted(), ['autocannon', 'iperf3']);
  for (const { id, outcome } of run.testCases) {
    assert.ok(outcome.state === 'measured', id);
    assert.ok(
      outcome.blocks.every(({ doubledRate }) => doubledRate !== null),
      `${id} was tried with twice the connections`,
    );
  }
  const { stdout } = await lab('show', file);
  assert.match(stdout, /throughput, bulk, cross-node: as much as it takes .*streams 2/);
  assert.match(stdout, /CPU per byte/);
});

test('a short-cut carries long answers and short ones, by counters of its own; iperf3’s sockets block, and take none', async () => {
  const { rows } = await measured(
    'shortcut',
    ...['throughput', '--measurement', 'bulk,downloads,saturation', '--planes', 'none,sidecarless', '--blocks', '1'],
    ...['--placement', 'same-node', '--set', 'streams=1', '--connections', '4', '--seconds', '1'],
  );
  assertProven(rows);
  assert.deepEqual(
    [...new Set(rows.filter(({ variant }) => variant !== null).map(({ testCase }) => testCase))],
    ['sidecarless/l4/none/same-node/shortcut/downloads', 'sidecarless/l4/none/same-node/shortcut/saturation'],
  );
});

test('one connection is not all that a data plane carries, and the run says so', async () => {
  const { rows } = await measured(
    'bound',
    ...['throughput', '--measurement', 'saturation', '--planes', 'none', '--blocks', '6'],
    ...['--connections', '1', '--seconds', '1'],
  );
  assert.ok(rows.length > 0);
  assert.deepEqual([...new Set(rows.map(({ generatorBound }) => generatorBound))], [true]);
});

test('Services make stages: each is compared with none in the same passes, and with the first', async () => {
  const { rows, file } = await measured(
    'services',
    ...['services', '--planes', 'none,sidecar', '--profile', 'l4', '--measurement', 'connections', '--blocks', '1'],
    ...['--set', 'services=0,200', '--seconds', '1'],
  );
  assertProven(rows);
  const connections = (services: number) =>
    rows.find(
      ({ dataPlane, metric, role, parameters }) =>
        dataPlane === 'sidecar' &&
        metric === 'connections_per_second' &&
        role === null &&
        parameters.services === services,
    );
  assert.ok(connections(0)?.ratioToNone !== null && connections(200)?.ratioToNone !== null);
  assert.equal(connections(0)?.ratioToFirstStage, null);
  assert.ok((connections(200)?.ratioToFirstStage ?? 0) > 0);
  const { stages } = await load(file);
  assert.deepEqual(
    stages.map(({ services, programmed }) => [services, programmed.map(({ dataPlane }) => dataPlane).toSorted()]),
    [
      [0, []],
      [200, ['none', 'sidecar']],
    ],
  );
  const { stdout } = await lab('kubectl', 'get', 'namespaces', '-o', 'name');
  assert.ok(!stdout.includes('lab-services'), 'what the stages made is gone');
});

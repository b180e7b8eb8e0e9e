import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block } from './block.ts';
import { Comparison, type Row } from './comparison.ts';
import { figure, missing } from './figure.ts';
import { histogramOf, mergeHistograms, quantile } from './histogram.ts';
import { metrics } from './metrics.ts';
import { compare } from './rows.ts';
import type { Run } from './run.ts';
import { fixtureRun, type MadeUpTestCase, plainNone, sidecarMtls } from './tests/fixture-run.ts';

test('every series of every test case has one row, and the rows are those of the contract', () => {
  const made = fixtureRun();
  const { run, scenario, rows } = Comparison.parse(compare(made));
  assert.equal(run, '20261121T120000Z-latency-0a1b2c');
  assert.equal(scenario, 'latency');
  const series = metrics
    .filter(({ name }) => made.testCases[0]?.measurement.metrics.includes(name))
    .flatMap((metric) => metric.series);
  assert.equal(rows.length, 2 * series.length);
  assert.equal(new Set(rows.map(keyOf)).size, rows.length);
  assert.ok(rows.every(({ valid, reason }) => valid && reason === null));
  assert.deepEqual(
    Object.keys(rows[0] ?? {}).join(' '),
    [
      'testCase dataPlane variant profile encryption placement measurement parameters metric role unit quantile',
      'value ratioToNone interval addedToNone ratioToFirstStage intervalToFirstStage generatorBound valid reason',
    ].join(' '),
  );
});

test('the same run gives the same rows, in this and in any order of its test cases', () => {
  const run = fixtureRun();
  const { rows } = compare(run);
  assert.deepEqual(compare(structuredClone(run)).rows, rows);
  const turned = compare({ ...run, testCases: run.testCases.toReversed() }).rows;
  assert.deepEqual(new Map(turned.map((row) => [keyOf(row), row])), new Map(rows.map((row) => [keyOf(row), row])));
});

test('a value is a quantile of the merged histogram', () => {
  const run = fixtureRun();
  const merged = mergeHistograms(blocksOf(run, 1).flatMap(({ durations }) => durations.request ?? []));
  assert.equal(find(run, { dataPlane: 'sidecar', quantile: 0.99 }).value, quantile(merged, 0.99));
});

test('the made-up threefold latency and CPU are found, inside their intervals', () => {
  const run = fixtureRun();
  const latency = find(run, { dataPlane: 'sidecar', quantile: 0.5 });
  const cpu = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null });
  for (const { ratioToNone, interval } of [latency, cpu]) {
    assert.ok(ratioToNone !== null && interval !== null);
    assert.ok(Math.abs(ratioToNone - 3) < 0.15, `ratio ${ratioToNone}`);
    assert.ok(interval[0] <= 3 && 3 <= interval[1] && interval[0] > 2.7 && interval[1] < 3.3, `${interval}`);
  }
  assert.ok(Math.abs((latency.addedToNone ?? 0) / 0.0006 - 1) < 0.2, `added ${latency.addedToNone}`);
});

test('the baseline is 1 by definition', () => {
  const { ratioToNone, interval, addedToNone } = find(fixtureRun(), { dataPlane: 'none', quantile: 0.5 });
  assert.deepEqual([ratioToNone, interval, addedToNone], [1, [1, 1], 0]);
});

test('CPU per request is the whole less the idle cluster; roles and kernel add up to it', () => {
  const run = fixtureRun({ blocks: 2 });
  for (const block of blocksOf(run, 1)) {
    block.cpu.seconds = 5;
    block.cpu.busySeconds = 1 + 0.04 * 5;
    block.cpu.roles = { generator: figure(0.4), workload: figure(0.3), proxy: figure(0.35), control: figure(0) };
  }
  const cpu = (role: Row['role']) =>
    find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role }).value as number;
  const requests = 400;
  near(cpu(null), 1 / requests);
  near(cpu('generator'), 0.4 / requests);
  near(cpu('kernel'), -0.05 / requests);
  near(cpu('generator') + cpu('workload') + cpu('proxy') + cpu('control') + cpu('kernel'), cpu(null));
});

test('one disturbed idle window does not shift CPU per request', () => {
  const run = fixtureRun();
  const before = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).value;
  (run.idle[0] as Run['idle'][number]).busyCpuSeconds = 8;
  assert.equal(find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).value, before);
});

test('a number that could not be read is a row that says so, and no other row', () => {
  const run = fixtureRun();
  (blocksOf(run, 1)[3] as Block).cpu.roles.proxy = missing('the cgroup was gone');
  const invalid = compare(run).rows.filter(({ valid }) => !valid);
  assert.deepEqual(
    invalid.map(({ dataPlane, role, value, reason }) => ({ dataPlane, role, value, reason })),
    ['proxy', 'kernel'].map((role) => ({
      dataPlane: 'sidecar',
      role,
      value: null,
      reason: 'There is no figure: the cgroup was gone.',
    })),
  );
});

test('without an idle window there is no CPU headline, but there are roles', () => {
  const run = { ...fixtureRun(), idle: [] };
  const headline = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null });
  assert.equal(headline.value, null);
  assert.match(headline.reason ?? '', /no idle window/);
  assert.ok(find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: 'proxy' }).valid);
});

test('two blocks are valid with an interval, one block without', () => {
  const two = find(fixtureRun({ blocks: 2 }), { dataPlane: 'sidecar', quantile: 0.5 });
  const { ratioToNone, interval } = two;
  assert.ok(two.valid && interval !== null && ratioToNone !== null);
  assert.ok(interval[0] < ratioToNone && ratioToNone < interval[1], `${ratioToNone} ${interval}`);
  const one = find(fixtureRun({ blocks: 1 }), { dataPlane: 'sidecar', quantile: 0.5 });
  assert.ok(one.valid && one.ratioToNone !== null && one.interval === null);
});

test('a run without none has values and no ratios', () => {
  const row = find(fixtureRun({ testCases: [sidecarMtls] }), { dataPlane: 'sidecar', quantile: 0.5 });
  assert.ok(row.valid && row.value !== null);
  assert.deepEqual([row.ratioToNone, row.interval, row.addedToNone, row.reason], [null, null, null, null]);
});

test('an invalid baseline is no baseline', () => {
  const run = fixtureRun();
  Object.assign(blocksOf(run, 0)[0]?.arrivals ?? {}, { late: 400 });
  assert.equal(find(run, { dataPlane: 'none', quantile: 0.5 }).valid, false);
  const row = find(run, { dataPlane: 'sidecar', quantile: 0.5 });
  assert.deepEqual([row.valid, row.ratioToNone, row.addedToNone], [true, null, null]);
});

test('an A/A run compares to the pool named none, else to the first of two; and to the same placement only', () => {
  const pool = (dataPlane: string, changes: Partial<MadeUpTestCase> = {}) => ({ ...plainNone, dataPlane, ...changes });
  const ratio = (testCases: MadeUpTestCase[], dataPlane: string, placement = 'cross-node') => {
    const value = find(fixtureRun({ testCases }), { dataPlane, quantile: 0.5, placement } as Partial<Row>).ratioToNone;
    return value === null ? null : Math.round(value * 10) / 10;
  };
  const slow = { latencySeconds: 0.0004 };
  assert.equal(ratio([pool('a'), pool('b', slow)], 'b'), 2);
  assert.equal(ratio([pool('a'), pool('b', slow)], 'a'), 1);
  assert.equal(ratio([pool('a'), pool('none', slow)], 'a'), 0.5);
  assert.equal(ratio([pool('none'), pool('b', { ...slow, placement: 'same-node' })], 'b', 'same-node'), 1);
  assert.equal(ratio([pool('none'), { ...sidecarMtls, placement: 'same-node' }], 'sidecar', 'same-node'), null);
  for (const unlike of [{ profile: 'l7' }, { encryption: 'wireguard' }, { variant: 'short-cut' }] as const) {
    assert.equal(ratio([pool('none', unlike), sidecarMtls], 'sidecar'), null, JSON.stringify(unlike));
  }
});

test('a skipped test case has its rows, without numbers and with the reason', () => {
  const run = fixtureRun();
  Object.assign(run.testCases[1] ?? {}, { outcome: { state: 'skipped', reason: 'It needs a newer kernel.' } });
  const rows = Comparison.parse(compare(run)).rows.filter(({ dataPlane }) => dataPlane === 'sidecar');
  assert.ok(rows.length > 0);
  for (const { value, ratioToNone, interval, addedToNone, valid, reason } of rows) {
    assert.deepEqual([value, ratioToNone, interval, addedToNone, valid], [null, null, null, null, false]);
    assert.equal(reason, 'It needs a newer kernel.');
  }
});

test('failures are a share of all requests, and nothing answered is no figure', () => {
  const run = fixtureRun({ blocks: 2 });
  for (const block of blocksOf(run, 1)) block.errors = { ...block.errors, count: 100, kinds: { timeout: 100 } };
  const { value, addedToNone, ratioToNone } = find(run, { dataPlane: 'sidecar', metric: 'requests_failed_ratio' });
  assert.deepEqual([value, addedToNone, ratioToNone], [0.2, 0.2, null]);
  for (const block of blocksOf(run, 0))
    Object.assign(block, { counts: { requests: 0 }, durations: { request: histogramOf([]) } });
  for (const { metric, value: none } of compare(run).rows.filter(({ dataPlane }) => dataPlane === 'none')) {
    assert.equal(none, metric === 'requests_per_second' ? 0 : null, metric);
  }
});

test('memory has rows where the run asked for it', () => {
  const run = fixtureRun({ blocks: 3 });
  for (const testCase of run.testCases) {
    testCase.measurement = { ...testCase.measurement, metrics: ['request_duration_seconds', 'memory_bytes'] };
  }
  const held = [10, 30, 20];
  for (const [pass, block] of blocksOf(run, 1).entries()) {
    const bytes = figure(held[pass] as number);
    block.memoryBytes = { generator: bytes, workload: bytes, proxy: bytes, control: missing('no cgroup') };
  }
  assert.equal(find(run, { dataPlane: 'sidecar', metric: 'memory_bytes', role: 'proxy' }).value, 20);
  const control = find(run, { dataPlane: 'sidecar', metric: 'memory_bytes', role: 'control' });
  assert.deepEqual([control.valid, control.reason], [false, 'There is no figure: no cgroup.']);
});

test('names of metrics are those that were published', () => {
  assert.deepEqual(
    metrics.map(({ name, unit }) => `${name} ${unit}`),
    [
      'request_duration_seconds seconds',
      'requests_per_second requests/second',
      'connections_per_second connections/second',
      'bytes_per_second bytes/second',
      'cpu_seconds_per_request seconds',
      'cpu_seconds_per_connection seconds',
      'cpu_seconds_per_byte seconds',
      'requests_failed_ratio ratio',
      'memory_bytes bytes',
    ],
  );
});

function find(run: Run, wanted: Partial<Row>): Row {
  const isWanted = (row: Row) => Object.entries(wanted).every(([key, value]) => row[key as keyof Row] === value);
  const row = Comparison.parse(compare(run)).rows.find(isWanted);
  assert.ok(row !== undefined, `no row ${JSON.stringify(wanted)}`);
  return row;
}

function blocksOf(run: Run, index: number): Block[] {
  const outcome = run.testCases[index]?.outcome;
  assert.ok(outcome?.state === 'measured');
  return outcome.blocks;
}

function keyOf({ dataPlane, variant, profile, encryption, placement, metric, role, quantile: q }: Row): string {
  return JSON.stringify([dataPlane, variant, profile, encryption, placement, metric, role, q]);
}

function near(value: number, expected: number): void {
  assert.ok(Math.abs(value - expected) < 1e-12, `${value}, not ${expected}`);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block } from './block.ts';
import { Comparison, compare } from './comparison.ts';
import { figure, missing } from './figure.ts';
import { histogramOf, mergeHistograms, quantile } from './histogram.ts';
import { metrics } from './metrics.ts';
import type { Row } from './row.ts';
import type { Run } from './run.ts';
import { fixtureRun, type MadeUpTestCase, plainNone, sidecarMtls } from './tests/fixture-run.ts';

test('every series of every test case has one row, and the rows are those of the contract', () => {
  const made = fixtureRun();
  const { run, scenario, rows } = Comparison.parse(compare(made));
  assert.equal(run, '20261121T120000Z-latency-0a1b2c');
  assert.equal(scenario, 'latency');
  const series = metrics
    .filter(({ name }) => made.testCases[0]?.measurement.metrics.includes(name))
    .flatMap((metric) => metric.series([]));
  assert.equal(rows.length, 2 * series.length);
  assert.equal(new Set(rows.map(keyOf)).size, rows.length);
  assert.ok(rows.every(({ valid, reason }) => valid && reason === null));
  assert.deepEqual(
    Object.keys(rows[0] ?? {}).join(' '),
    [
      'id testCase dataPlane variant profile encryption placement measurement parameters metric role quantile counter',
      'unit direction standing n spoiled samples value toNone addedToNone toFirstStage generatorBound latenessShare',
      'valid reason',
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
  const { value } = find(run, { dataPlane: 'sidecar', quantile: 0.99 });
  assert.equal(value.value, quantile(merged, 0.99));
  assert.ok(
    value.interval !== null && value.interval[0] < (value.value ?? 0) && value.interval[1] > (value.value ?? 0),
  );
});

test('the made-up threefold latency and CPU are found, inside their intervals', () => {
  const run = fixtureRun();
  const latency = find(run, { dataPlane: 'sidecar', quantile: 0.5 });
  const cpu = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null });
  for (const { toNone } of [latency, cpu]) {
    const { ratio, interval, finding, p, adjustedP, n } = toNone;
    assert.ok(ratio !== null && interval !== null);
    assert.ok(Math.abs(ratio - 3) < 0.15, `ratio ${ratio}`);
    assert.ok(interval[0] <= 3 && 3 <= interval[1] && interval[0] > 2.7 && interval[1] < 3.3, `${interval}`);
    assert.deepEqual([finding, p, adjustedP, n], ['worse', 2 / 2 ** 10, 2 / 2 ** 10, 10]);
  }
  const { value: added, interval } = latency.addedToNone;
  assert.ok(Math.abs((added ?? 0) / 0.0006 - 1) < 0.2, `added ${added}`);
  assert.ok(interval !== null && interval[0] < (added ?? 0) && interval[1] > (added ?? 0));
});

test('the baseline is 1 by definition', () => {
  const { toNone, addedToNone } = find(fixtureRun(), { dataPlane: 'none', quantile: 0.5 });
  assert.deepEqual(
    [toNone.ratio, toNone.interval, addedToNone.value, toNone.p, toNone.finding],
    [1, [1, 1], 0, null, null],
  );
  assert.match(toNone.reason ?? '', /what the others are compared to/);
});

test('CPU per request is the whole less the idle cluster; roles and other add up to it', () => {
  const run = fixtureRun({ blocks: 2 });
  for (const block of blocksOf(run, 1)) {
    block.cpu.seconds = 5;
    block.cpu.busySeconds = 1 + 0.04 * 5;
    block.cpu.roles = { generator: figure(0.4), workload: figure(0.3), proxy: figure(0.35), control: figure(0) };
  }
  const cpu = (role: Row['role']) =>
    find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role }).value.value as number;
  const requests = 400;
  near(cpu(null), 1 / requests);
  near(cpu('generator'), 0.4 / requests);
  near(cpu('other'), -0.05 / requests);
  near(cpu('generator') + cpu('workload') + cpu('proxy') + cpu('control') + cpu('other'), cpu(null));
});

test('one disturbed idle window does not shift CPU per request', () => {
  const run = fixtureRun();
  const before = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).value.value;
  (run.idle[0] as Run['idle'][number]).busyCpuSeconds = 8;
  assert.equal(find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).value.value, before);
});

test('a number that could not be read is a row that says so, and no other row', () => {
  const run = fixtureRun();
  (blocksOf(run, 1)[3] as Block).cpu.roles.proxy = missing('the cgroup was gone');
  const invalid = compare(run).rows.filter(({ valid }) => !valid);
  assert.deepEqual(
    invalid.map(({ dataPlane, role, value, reason }) => ({ dataPlane, role, value: value.value, reason })),
    ['proxy', 'other'].map((role) => ({
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
  assert.deepEqual(headline.value, { value: null, interval: null, reason: 'no idle window was measured' });
  assert.match(headline.reason ?? '', /no idle window/);
  assert.ok(find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: 'proxy' }).valid);
});

test('two blocks are valid with an interval, one block without', () => {
  const two = find(fixtureRun({ blocks: 2 }), { dataPlane: 'sidecar', quantile: 0.5 });
  const { ratio, interval } = two.toNone;
  assert.ok(two.valid && interval !== null && ratio !== null);
  assert.ok(interval[0] < ratio && ratio < interval[1], `${ratio} ${interval}`);
  const one = find(fixtureRun({ blocks: 1 }), { dataPlane: 'sidecar', quantile: 0.5 });
  assert.ok(one.valid && one.toNone.ratio !== null && one.toNone.interval === null && one.value.interval === null);
  assert.match(`${one.toNone.reason} ${one.value.reason} ${one.addedToNone.reason}`, /(takes two passes.*){2}/);
});

test('a run without none has values and no ratios', () => {
  const row = find(fixtureRun({ testCases: [sidecarMtls] }), { dataPlane: 'sidecar', quantile: 0.5 });
  assert.ok(row.valid && row.value.value !== null && row.reason === null);
  const nothing = { value: null, interval: null, reason: 'none was not measured' };
  assert.deepEqual([row.toNone.ratio, row.toNone.reason, row.addedToNone], [null, nothing.reason, nothing]);
});

test('an invalid baseline is no baseline', () => {
  const run = fixtureRun();
  Object.assign(blocksOf(run, 0)[0]?.arrivals ?? {}, { late: 400 });
  assert.equal(find(run, { dataPlane: 'none', quantile: 0.5 }).valid, false);
  const row = find(run, { dataPlane: 'sidecar', quantile: 0.5 });
  assert.deepEqual([row.valid, row.toNone.ratio, row.addedToNone.value], [true, null, null]);
  assert.equal(row.toNone.reason, 'none/l4/none/cross-node is not valid itself');
});

test('an A/A run compares to the pool named none, else to the first of two; and to the same placement only', () => {
  const pool = (dataPlane: string, changes: Partial<MadeUpTestCase> = {}) => ({ ...plainNone, dataPlane, ...changes });
  const ratio = (testCases: MadeUpTestCase[], dataPlane: string, placement = 'cross-node') => {
    const value = find(fixtureRun({ testCases }), { dataPlane, quantile: 0.5, placement } as Partial<Row>).toNone.ratio;
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
  for (const { value, toNone, addedToNone, valid, reason } of rows) {
    assert.deepEqual([value.value, toNone.ratio, addedToNone.value, valid], [null, null, null, false]);
    for (const one of [value, toNone, addedToNone]) assert.ok((one.reason ?? '').length > 0);
    assert.equal(reason, 'It needs a newer kernel.');
  }
});

test('failures are a share of all requests, and nothing answered is no figure', () => {
  const run = fixtureRun({ blocks: 2 });
  for (const block of blocksOf(run, 1)) block.errors = { ...block.errors, count: 100, kinds: { timeout: 100 } };
  const { value, addedToNone, toNone } = find(run, { dataPlane: 'sidecar', metric: 'requests_failed_ratio' });
  assert.deepEqual([value.value, addedToNone.value, toNone.ratio], [0.2, 0.2, null]);
  assert.equal(toNone.reason, 'a ratio takes numbers above 0');
  for (const block of blocksOf(run, 0))
    Object.assign(block, { counts: { requests: 0 }, durations: { request: histogramOf([]) } });
  for (const { metric, value: none } of compare(run).rows.filter(({ dataPlane }) => dataPlane === 'none')) {
    assert.equal(none.value, metric === 'requests_per_second' ? 0 : null, metric);
  }
});

test('requests that failed are ranked above all others: timeouts never make a tail better', () => {
  const run = fixtureRun();
  const p = (quantile: number) => find(run, { dataPlane: 'sidecar', metric: 'request_duration_seconds', quantile });
  const before = p(0.999).value.value ?? 0;
  // The forty slowest of 4,000, one of a hundred, become timeouts: of those that were answered the p99 is now the slowest.
  for (const block of blocksOf(run, 1)) {
    const histogram = block.durations.request;
    assert.ok(histogram !== undefined);
    const slowest = histogram.buckets.splice(-4);
    const count = slowest.reduce((sum, [, n]) => sum + n, 0);
    histogram.count -= count;
    block.counts = { requests: histogram.count };
    block.errors = { ...block.errors, count, kinds: { timeout: count } };
  }
  assert.equal(p(0.999).value.value, null);
  assert.match(
    p(0.999).value.reason ?? '',
    /^\d+ of 4000 requests failed or were never sent, and so many would decide the p99\.9$/,
  );
  assert.equal(p(0.99).value.value, null);
  assert.ok(before > 0 && (p(0.5).value.value ?? 0) > 0);
});

test('a quantile is shown only where what is missing is less than a tenth of what lies beyond it', () => {
  for (const [missing, shown] of [
    [3, [0.5, 0.9, 0.99]],
    [5, [0.5, 0.9]],
    [0, [0.5, 0.9, 0.99, 0.999]],
  ] as const) {
    const run = fixtureRun();
    Object.assign(blocksOf(run, 1)[0]?.arrivals ?? {}, { dropped: missing });
    const rows = compare(run).rows.filter(
      ({ dataPlane, metric }) => dataPlane === 'sidecar' && metric === 'request_duration_seconds',
    );
    const there = rows.filter(({ value }) => value.value !== null).map(({ quantile }) => quantile);
    assert.deepEqual(there, shown, `${missing} missing`);
  }
});

test('the view without the generator is a metric of its own, and so is its lateness', () => {
  const run = fixtureRun();
  for (const testCase of run.testCases) {
    const names = ['request_duration_seconds', 'wire_duration_seconds', 'lateness_seconds'] as const;
    testCase.measurement = { ...testCase.measurement, metrics: [...names] };
    assert.ok(testCase.outcome.state === 'measured');
    for (const block of testCase.outcome.blocks) {
      const seen = quantile(block.durations.request ?? histogramOf([]), 0.5) ?? 0;
      block.durations.lateness = histogramOf(Array.from({ length: 100 }, () => 0.00005));
      block.durations.wire = histogramOf(Array.from({ length: 100 }, () => seen - 0.00005));
    }
  }
  const of = (metric: string, dataPlane = 'sidecar') => find(run, { dataPlane, metric, quantile: 0.5 });
  const [client, wire] = [of('request_duration_seconds'), of('wire_duration_seconds')];
  assert.ok(
    (wire.toNone.ratio ?? 0) > (client.toNone.ratio ?? 0),
    'what the generator adds to both makes them more alike',
  );
  assert.ok(wire.addedToNone.interval !== null);
  near(of('lateness_seconds').value.value ?? 0, 0.00005);
  assert.ok(Math.abs((client.latenessShare ?? 0) - 0.00005 / (client.value.value ?? 1)) < 1e-9);
  const plain = compare(fixtureRun()).rows.find(({ metric }) => metric === 'request_duration_seconds');
  assert.equal(plain?.latenessShare, null);
});

test('counters have rows of their own: what each grew by for each request', () => {
  const run = fixtureRun();
  for (const testCase of run.testCases) {
    testCase.measurement = { ...testCase.measurement, metrics: ['counted_per_request'] };
  }
  for (const block of blocksOf(run, 1)) block.growth = { 'proxy/requests': 1000, 'proxy/other': 0, 'proxy/gone': null };
  const rows = compare(run).rows.filter(({ dataPlane }) => dataPlane === 'sidecar');
  assert.deepEqual(
    rows.map(({ counter, value, valid }) => [counter, value.value, valid]),
    [
      ['proxy/gone', null, false],
      ['proxy/requests', 2, true],
    ],
  );
});

test('spoiled blocks are counted, and in no figure', () => {
  const [plain, spoiled] = [fixtureRun(), fixtureRun()];
  const [first] = blocksOf(spoiled, 1);
  assert.ok(first !== undefined);
  blocksOf(spoiled, 1).push({ ...structuredClone(first), durations: { request: histogramOf([9]) }, spoiled: 'stolen' });
  const [without, withOne] = [plain, spoiled].map((run) => find(run, { dataPlane: 'sidecar', quantile: 0.99 }));
  assert.deepEqual({ ...withOne, spoiled: 0 }, without);
  assert.equal(withOne?.spoiled, 1);
  assert.deepEqual(compare(spoiled).testCases[1]?.spoiled, [{ pass: 0, reason: 'stolen' }]);
});

test('what a table shows is looked at together', () => {
  const testCases = ['a', 'b', 'c', 'd'].map((dataPlane) => ({ ...sidecarMtls, dataPlane, dataPlaneId: 'other' }));
  const { rows } = compare(fixtureRun({ testCases: [plainNone, ...testCases] }));
  const column = rows.filter(({ metric, quantile }) => metric === 'request_duration_seconds' && quantile === 0.5);
  const adjusted = column.map(({ toNone }) => toNone.adjustedP);
  assert.deepEqual(adjusted, [null, ...new Array(4).fill((4 * 2) / 2 ** 10)]);
  const [none, one] = column;
  assert.equal(none?.toNone.finding, null);
  const alone = find(fixtureRun({ testCases: [plainNone, { ...sidecarMtls, dataPlane: 'a', dataPlaneId: 'other' }] }), {
    dataPlane: 'a',
    quantile: 0.5,
  });
  assert.ok((one?.toNone.minimumDetectableEffect ?? 0) > (alone.toNone.minimumDetectableEffect ?? 1) * 0.9);
});

test('the idle cluster’s uncertainty is in the interval of what it is taken off', () => {
  const run = fixtureRun();
  const cpu = () => find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).toNone;
  const width = ({ interval }: Row['toNone']): number => (interval === null ? 0 : Math.log(interval[1] / interval[0]));
  const before = width(cpu());
  const p50 = find(run, { dataPlane: 'sidecar', quantile: 0.5 });
  for (const [index, window] of run.idle.entries()) window.busyCpuSeconds *= index % 2 === 0 ? 0.9 : 1.1;
  assert.ok(width(cpu()) > 1.05 * before, `${before} became ${width(cpu())}`);
  assert.deepEqual(find(run, { dataPlane: 'sidecar', quantile: 0.5 }), p50);
});

test('where the machine spoiled every idle window, that is said', () => {
  const run = fixtureRun();
  for (const window of run.idle) window.spoiled = 'Somebody compiled.';
  const { value } = find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null });
  assert.deepEqual(value, { value: null, interval: null, reason: 'the machine spoiled every idle window' });
});

test('a stage has the idle rate of its own passes: a cluster that holds much idles dearer', () => {
  const run = fixtureRun();
  const cpu = (): number =>
    find(run, { dataPlane: 'sidecar', metric: 'cpu_seconds_per_request', role: null }).value.value ?? Number.NaN;
  const before = cpu();
  const dearer = run.idle.map(({ pass, ...window }) => ({ ...window, pass: pass + 100, busyCpuSeconds: 8 }));
  run.order.push(...Array.from({ length: 100 }, () => []));
  run.idle.push(...dearer);
  near(cpu(), before);
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
  assert.equal(find(run, { dataPlane: 'sidecar', metric: 'memory_bytes', role: 'proxy' }).value.value, 20);
  const control = find(run, { dataPlane: 'sidecar', metric: 'memory_bytes', role: 'control' });
  assert.deepEqual([control.valid, control.reason], [false, 'There is no figure: no cgroup.']);
});

test('names of metrics are those that were published', () => {
  assert.deepEqual(
    metrics.map(({ name, unit }) => `${name} ${unit}`),
    [
      'request_duration_seconds seconds',
      'wire_duration_seconds seconds',
      'lateness_seconds seconds',
      'requests_per_second requests/second',
      'connections_per_second connections/second',
      'bytes_per_second bytes/second',
      'cpu_seconds_per_request seconds',
      'cpu_seconds_per_connection seconds',
      'cpu_seconds_per_byte seconds',
      'requests_failed_ratio ratio',
      'memory_bytes bytes',
      'counted_per_request count',
      'counted_per_connection count',
      'counted_per_byte count',
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

import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import { withParameters } from './parameters.ts';
import { planTestCases } from './plan.ts';
import { runScenario } from './run.ts';
import { loadScenario, parseScenario, scenarioNames } from './scenario.ts';
import { stagesOf } from './stage.ts';

const none = poolOf('none', 'none');

function idsOf(scenario: Parameters<typeof planTestCases>[0], pools = [none]): string[] {
  return planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements: ['cross-node'] }).map(({ id }) => id);
}

test('every scenario of the lab is one', async () => {
  const names = await scenarioNames();
  // Each folder with a declaration, and nothing else: a new one needs no line here.
  const folders = globSync('*/scenario.ts', { cwd: join(import.meta.dirname, '../../scenarios') }).map(dirname);
  assert.deepEqual(names.toSorted(), folders.toSorted());
  for (const name of ['latency', 'services', 'throughput']) assert.ok(names.includes(name), name);
  for (const name of names) assert.equal((await loadScenario(name)).name, name);
});

test('a scenario with one measurement has ids without it; with several, and with several values, they are in the id', async () => {
  assert.deepEqual(idsOf(await loadScenario('latency')), ['none/l4/none/cross-node']);
  assert.deepEqual(idsOf(await loadScenario('throughput')), [
    'none/l4/none/cross-node/bulk/streams=1',
    'none/l4/none/cross-node/bulk/streams=4',
    'none/l4/none/cross-node/downloads/connections=1',
    'none/l4/none/cross-node/downloads/connections=4',
    'none/l4/none/cross-node/connections',
    'none/l4/none/cross-node/requests/connections=1',
    'none/l4/none/cross-node/requests/connections=16',
    'none/l4/none/cross-node/requests/connections=256',
    'none/l4/none/cross-node/saturation/connections=16',
    'none/l4/none/cross-node/saturation/connections=64',
  ]);
});

test('each combination of several parameters is a test case', async () => {
  const asked = { parameters: { rate: [100, 200], connections: [1, 2] } };
  assert.deepEqual(idsOf(withParameters(await loadScenario('latency'), asked)), [
    'none/l4/none/cross-node/rate=100/connections=1',
    'none/l4/none/cross-node/rate=100/connections=2',
    'none/l4/none/cross-node/rate=200/connections=1',
    'none/l4/none/cross-node/rate=200/connections=2',
  ]);
});

test('a measurement whose ports carry connections alone has no test case of a proxy for HTTP', async () => {
  const ids = idsOf(withParameters(await loadScenario('throughput'), { measurements: ['bulk'] }), [
    none,
    poolOf('sidecar', 'sidecar'),
  ]);
  assert.ok(ids.some((id) => id.startsWith('sidecar/l4/mtls/')) && ids.every((id) => !id.includes('/l7/')), ids.join());
});

test('one measurement of several keeps its parameters’ names in ids', async () => {
  const scenario = withParameters(await loadScenario('throughput'), { measurements: ['requests'] });
  assert.deepEqual(
    scenario.measurements.map(({ name }) => name),
    ['requests'],
  );
  assert.equal(idsOf(scenario)[0], 'none/l4/none/cross-node/connections=1');
});

test('stages follow the number of Services, the fewest first', async () => {
  const scenario = withParameters(await loadScenario('services'), { parameters: { services: [300, 0, 20] } });
  const cases = planTestCases(scenario, { pools: [none], profiles: ['l4'], placements: ['cross-node'] });
  assert.deepEqual(
    stagesOf(cases).map(({ services, cases: own }) => [services, own.length]),
    [
      [0, 2],
      [20, 2],
      [300, 2],
    ],
  );
});

const refused: Record<string, [asked: Parameters<typeof withParameters>[1], code: string, says: RegExp]> = {
  'a parameter that there is not': [
    { parameters: { streams: [1] } },
    'LAB_PARAMETER_UNKNOWN',
    /The scenario latency has no parameter "streams"/,
  ],
  'a value that is none': [
    { parameters: { rate: ['fast'] } },
    'LAB_PARAMETER_INVALID',
    /cannot be measured with rate=fast/,
  ],
  'a negative window': [{ parameters: { seconds: [-1] } }, 'LAB_PARAMETER_INVALID', /seconds=-1/],
  'a measurement that there is not': [
    { measurements: ['bulk'] },
    'LAB_MEASUREMENT_UNKNOWN',
    /The scenario latency has no measurement "bulk"/,
  ],
};
for (const [what, [asked, code, says]] of Object.entries(refused)) {
  test(`${what} is refused, with what there is`, async () => {
    const scenario = await loadScenario('latency');
    assert.throws(
      () => withParameters(scenario, asked),
      (error: Error & { code?: string; exitCode?: number }) => {
        assert.deepEqual([error.code, error.exitCode], [code, 2]);
        assert.match(error.message, says);
        return true;
      },
    );
  });
}

test('a declaration that is wrong says where: an unknown kind, a parameter too many, one too few, a name twice', async () => {
  const { manifestsText: _, ...declared } = await loadScenario('latency');
  const [measurement] = declared.measurements;
  assert.ok(measurement !== undefined);
  const { rate: _rate, ...without } = measurement.parameters;
  const wrong: [unknown, RegExp][] = [
    [[{ ...measurement, kind: 'guess' }], /measurements\[0\]\.kind/],
    [[{ ...measurement, parameters: { ...measurement.parameters, speed: 1 } }], /speed/],
    [[{ ...measurement, parameters: without }], /measurements\[0\]\.parameters\.rate/],
    [[measurement, measurement], /a name of its own/],
  ];
  for (const [measurements, says] of wrong) {
    assert.throws(() => parseScenario('latency', { ...declared, measurements }), says);
  }
});

test('what has no test case is refused before anything is deployed', async () => {
  const scenario = withParameters(await loadScenario('throughput'), { measurements: ['bulk'] });
  const pools = [poolOf('sidecarless', 'sidecarless')];
  const options = { pools, profiles: ['l7'] as const, placements: ['cross-node'] as const, blocks: 1, seed: 1 };
  const cluster = { kind: 'netns', kubeconfig: '', pools, kube: {} as Kube } as const;
  const watcher = { signal: new AbortController().signal, progress: () => undefined };
  await assert.rejects(runScenario(cluster, scenario, options, watcher), { code: 'LAB_NO_TEST_CASE', exitCode: 2 });
});

test('a value that is there twice is refused: it would be one test case twice', async () => {
  const scenario = await loadScenario('throughput');
  assert.throws(() => withParameters(scenario, { parameters: { streams: [2, 2] } }), {
    code: 'LAB_PARAMETER_INVALID',
    exitCode: 2,
    message: /streams has the value 2 twice/,
  });
});

test('what no generator can send is refused before anything is started', async () => {
  const scenario = await loadScenario('throughput');
  for (const parameters of [{ seconds: [241] }, { writeBytes: [4 * 1024 ** 2] }, { responseBytes: [32 * 1024 ** 2] }]) {
    assert.throws(() => withParameters(scenario, { parameters }), { code: 'LAB_PARAMETER_INVALID', exitCode: 2 });
  }
});

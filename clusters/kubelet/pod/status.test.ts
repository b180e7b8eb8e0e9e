import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ContainerState, V1Pod } from '@kubernetes/client-node';
import type { ContainerKind, ContainerRecord } from '../container/record.ts';
import { podStatus, type StatusInput } from './status.ts';

const startedAt = new Date(0);
const running: V1ContainerState = { running: { startedAt } };
const ended = (exitCode: number): V1ContainerState => ({ terminated: { exitCode } });
const waiting: V1ContainerState = { waiting: { reason: 'ContainerCreating' } };

function record(
  name: string,
  kind: ContainerKind,
  state: V1ContainerState,
  more: Partial<ContainerRecord> = {},
): ContainerRecord {
  const base = { name, kind, image: 'i', imageId: 'lab://i', state, lastState: {}, restartCount: 0, containerId: null };
  return { ...base, started: false, ready: false, ...more };
}

function status(records: ContainerRecord[], more: Partial<StatusInput> = {}) {
  return podStatus({
    pod: { metadata: { generation: 3 }, spec: { containers: [] } },
    records,
    podIps: ['10.0.0.2'],
    networkReady: true,
    hostIp: '172.30.0.11',
    startTime: startedAt,
    outcome: null,
    previous: [],
    now: new Date(5000),
    ...more,
  });
}

const verdict = (result: ReturnType<typeof status>, type: string) => {
  const found = result.conditions?.find((condition) => condition.type === type);
  return [found?.status, found?.reason];
};

test('the phase follows the containers', () => {
  const cases: [string, ContainerRecord[], Partial<StatusInput>][] = [
    ['Pending', [record('a', 'app', waiting)], {}],
    ['Pending', [record('i', 'init', running), record('a', 'app', waiting)], {}],
    ['Pending', [record('s', 'sidecar', running, { started: true }), record('a', 'app', waiting)], {}],
    ['Pending', [record('a', 'app', running), record('b', 'app', waiting)], {}],
    ['Running', [record('a', 'app', running)], {}],
    ['Running', [record('a', 'app', waiting, { lastState: ended(1) })], {}],
    ['Running', [record('a', 'app', ended(1))], {}],
    ['Running', [record('s', 'sidecar', running), record('a', 'app', ended(0))], { outcome: { phase: 'Succeeded' } }],
    [
      'Succeeded',
      [record('s', 'sidecar', ended(137)), record('a', 'app', ended(0))],
      { outcome: { phase: 'Succeeded' } },
    ],
    ['Failed', [record('i', 'init', ended(1)), record('a', 'app', waiting)], { outcome: { phase: 'Failed' } }],
  ];
  for (const [phase, records, more] of cases) assert.equal(status(records, more).phase, phase);
});

test('conditions say what is missing', () => {
  const initialising = status([record('i', 'init', running), record('a', 'app', waiting)]);
  assert.deepEqual(verdict(initialising, 'Initialized'), ['False', 'ContainersNotInitialized']);
  assert.deepEqual(verdict(initialising, 'Ready'), ['False', 'ContainersNotReady']);
  const ready = status([
    record('i', 'init', ended(0), { ready: true }),
    record('s', 'sidecar', running, { started: true, ready: true }),
    record('a', 'app', running, { ready: true }),
  ]);
  for (const type of ['PodScheduled', 'PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready']) {
    assert.deepEqual(verdict(ready, type), ['True', null], type);
  }
  const done = status([record('a', 'app', ended(0))], { outcome: { phase: 'Succeeded' }, networkReady: false });
  assert.deepEqual(verdict(done, 'Ready'), ['False', 'PodCompleted']);
  assert.deepEqual(verdict(done, 'PodReadyToStartContainers'), ['False', null]);
});

test('a sidecar that is not ready keeps the pod from being ready', () => {
  const result = status([
    record('s', 'sidecar', running, { started: true }),
    record('a', 'app', running, { ready: true }),
  ]);
  assert.deepEqual(verdict(result, 'Ready'), ['False', 'ContainersNotReady']);
  assert.equal(result.conditions?.find(({ type }) => type === 'Ready')?.message, 'containers with unready status: [s]');
});

test('readiness gates hold back Ready alone', () => {
  const gated = (value?: string): V1Pod => ({
    metadata: {},
    spec: { containers: [], readinessGates: [{ conditionType: 'lab/x' }] },
    status: value === undefined ? {} : { conditions: [{ type: 'lab/x', status: value }] },
  });
  const apps = [record('a', 'app', running, { ready: true })];
  for (const value of [undefined, 'False']) {
    const result = status(apps, { pod: gated(value) });
    assert.deepEqual(verdict(result, 'ContainersReady'), ['True', null]);
    assert.deepEqual(verdict(result, 'Ready'), ['False', 'ReadinessGatesNotReady']);
  }
  assert.deepEqual(verdict(status(apps, { pod: gated('True') }), 'Ready'), ['True', null]);
});

test('a condition keeps its time until it changes', () => {
  const first = status([record('a', 'app', running)]);
  const later = new Date(9000);
  const second = status([record('a', 'app', running, { ready: true })], {
    previous: first.conditions ?? [],
    now: later,
  });
  const time = (type: string) => second.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
  assert.deepEqual(time('Initialized'), new Date(5000));
  assert.deepEqual(time('Ready'), later);
});

test('the status names containers, addresses and generation', () => {
  const result = status([
    record('i', 'init', ended(0)),
    record('a', 'app', running, { containerId: 'abc', restartCount: 2 }),
  ]);
  assert.equal(result.observedGeneration, 3);
  assert.deepEqual(result.podIPs, [{ ip: '10.0.0.2' }]);
  assert.deepEqual(
    result.initContainerStatuses?.map(({ name }) => name),
    ['i'],
  );
  const [app] = result.containerStatuses ?? [];
  assert.deepEqual([app?.containerID, app?.imageID, app?.restartCount], ['lab://abc', 'lab://i', 2]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import type { Expectation } from '../../datapath/data-plane.ts';
import type { Block } from '../../results/block.ts';
import { compare } from '../../results/comparison.ts';
import { evidenceRecord, noEvidence } from '../../results/evidence-record.ts';
import { figure, missing } from '../../results/figure.ts';
import { Run } from '../../results/run.ts';
import { soundBlocks } from '../../results/sound-blocks.ts';
import { fixtureRun } from '../../results/tests/fixture-run.ts';
import { driverOf } from '../load/drivers.ts';
import type { Growth } from './growth.ts';
import type { MeasuredBlock } from './measure.ts';
import { dataPlaneOf, type PlannedCase } from './plan.ts';
import { Recorder } from './recorder.ts';

const pool = poolOf('none', 'none');
const planned: PlannedCase = {
  id: 'none/l4/none/cross-node',
  dataPlane: dataPlaneOf(pool),
  testCase: { pool, placement: 'cross-node', profile: 'l4', encryption: 'none', variant: null, port: 8082 },
  measurement: (fixtureRun().testCases[0] as Run['testCases'][number]).measurement,
  driver: driverOf('open-loop'),
  skipped: null,
};
const held = evidenceRecord(
  [{ claim: 'it passes', counter: 'requests', expected: '50', measured: 50, unread: null, held: true }],
  [
    {
      ...{ where: 'on the link', expected: 'plaintext', packets: 100, payloadBytes: 100, requestBytes: 100 },
      plaintextFound: true,
    },
  ],
);

test('what was verified before and after is recorded apart', () => {
  const recorder = recording({ passes: 2 });
  recorder.verified(planned.id, held);
  const outcome = outcomeOf(recorder);
  assert.ok(outcome.state === 'measured');
  assert.deepEqual(outcome.verification, { before: held, after: held });
});

test('without a second verification nothing counts', () => {
  const run = recorded(recording({ passes: 2 }));
  for (const { valid, reason } of compare(run).rows) {
    assert.equal(valid, false);
    assert.match(reason ?? '', /ended before the path was verified once more/);
  }
});

test('a test case that is stopped keeps its blocks, and is invalid for that reason', () => {
  const recorder = recording({ passes: 9 });
  recorder.stopped(planned.id, 'It was stopped because block 10 failed.');
  const run = recorded(recorder);
  const [testCase] = run.testCases;
  assert.ok(testCase?.outcome.state === 'measured');
  assert.equal(testCase.outcome.blocks.length, 9);
  for (const { valid, reason } of compare(run).rows) {
    assert.deepEqual([valid, reason], [false, 'It was stopped because block 10 failed.']);
  }
});

test('one that is stopped before its first block has failed', () => {
  const recorder = new Recorder([planned]);
  recorder.verified(planned.id, noEvidence('It could not be verified: the kernel dropped 1 packet.'));
  assert.equal(recorder.proven(planned.id), false);
  const outcome = outcomeOf(recorder);
  assert.ok(outcome.state === 'failed');
  assert.match(outcome.reason, /path was not proven\. It could not be verified: the kernel dropped 1 packet\./);
  assert.equal(outcome.verification?.before.valid, false);
});

test('a run with a number that is missing can be stored, and says why it is', () => {
  const gone = missing('container envoy of pod-1 (role proxy) ended or started again during the block');
  const recorder = recording({ passes: 2, roleSeconds: { generator: figure(0.1), proxy: gone } });
  recorder.verified(planned.id, held);
  const { rows } = compare(recorded(recorder));
  const cpu = (role: string) => rows.find((row) => row.metric === 'cpu_seconds_per_request' && row.role === role);
  assert.deepEqual([cpu('proxy')?.value.value, cpu('proxy')?.reason], [null, `There is no figure: ${gone.reason}.`]);
  assert.ok((cpu('generator')?.value.value ?? 0) > 0);
  assert.equal(cpu('workload')?.value.value, 0);
});

test('a spoiled block is kept with its reason and its turn, is in no figure, and its traffic is in the evidence', () => {
  const recorder = recording({ passes: 2 });
  recorder.verified(planned.id, held);
  recorder.turnAgain(1, planned.id);
  recorder.measured(planned.id, 1, measured(2, {}), 'A processor stood still for 42 ms (at most 10 ms).');
  const run = recorded(recorder);
  assert.deepEqual(run.order, [[planned.id], [planned.id, planned.id]]);
  const outcome = outcomeOf(recorder);
  assert.deepEqual(
    soundBlocks(outcome).map(({ pass }) => pass),
    [0, 1],
  );
  assert.ok(outcome.state === 'measured');
  assert.equal(outcome.evidence.checks.find(({ counter }) => counter === 'workload/requests')?.measured, 1500);
  const row = compare(run).rows.find(({ metric }) => metric === 'requests_per_second');
  assert.deepEqual([row?.n, row?.spoiled], [2, 1]);
});

/** Verified once, and measured in so many passes. */
function recording({
  passes,
  roleSeconds = {},
  spoiled = null,
}: {
  passes: number;
  spoiled?: string | null;
  roleSeconds?: MeasuredBlock['window']['cpu']['roles'];
}): Recorder {
  const recorder = new Recorder([planned]);
  recorder.verified(planned.id, held);
  assert.ok(recorder.proven(planned.id));
  for (let pass = 0; pass < passes; pass++) {
    assert.equal(recorder.passBegins([planned.id]), pass);
    recorder.measured(planned.id, pass, measured(pass, roleSeconds), spoiled);
  }
  return recorder;
}

function measured(pass: number, roleSeconds: MeasuredBlock['window']['cpu']['roles']): MeasuredBlock {
  const [testCase] = fixtureRun().testCases;
  assert.ok(testCase?.outcome.state === 'measured');
  const {
    pass: _,
    windowBeganAt,
    cpu,
    disturbance,
    memoryBytes,
    spoiled: _spoiled,
    growth: _growth,
    ...result
  } = testCase.outcome.blocks[pass] as Block;
  const { reconnects: _reconnects, ...traffic } = result.totals;
  const counted = {
    'workload/requests': traffic.requests,
    'workload/connections': traffic.connections,
    'workload/bytes-received': traffic.bytesSent,
    'workload/bytes-sent': traffic.bytesReceived,
    ...Object.fromEntries(
      planned.dataPlane.expected(planned.testCase, traffic).map((expected) => [expected.counter, leastOf(expected)]),
    ),
  };
  return {
    window: {
      beganAt: new Date(windowBeganAt),
      seconds: cpu.seconds,
      cpu: { ...cpu, stealSeconds: 0, roles: roleSeconds, kernelSeconds: {} },
      disturbance,
      memoryBytes: {},
    },
    result,
    path: { growth: grownBy(counted), sent: { traffic, besides: null, arrived: {} }, checks: [] },
  };
}

function outcomeOf(recorder: Recorder): Run['testCases'][number]['outcome'] {
  const [testCase] = recorded(recorder).testCases;
  assert.ok(testCase !== undefined);
  return testCase.outcome;
}

/** The whole run, checked as the store checks it. */
function recorded(recorder: Recorder): Run {
  return Run.parse({ ...fixtureRun(), ...recorder.record() });
}

function grownBy(counted: Record<string, number>): Growth {
  return Object.fromEntries(Object.entries(counted).map(([counter, by]) => [counter, figure(by)]));
}

function leastOf(expected: Expectation): number {
  if ('exactly' in expected) return expected.exactly;
  if ('between' in expected) return expected.between[0];
  return 'atLeast' in expected ? expected.atLeast : 0;
}

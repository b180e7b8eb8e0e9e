import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { Kube } from '../../clusters/kube/kube.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Deployed } from './deploy.ts';
import { planTestCases } from './plan.ts';
import { Recorder } from './recorder.ts';
import { loadScenario } from './scenario.ts';
import { verifyAll } from './verify-all.ts';

const pools = [poolOf('none', 'none'), poolOf('sidecar', 'sidecar')];

test('a capture that fails makes evidence invalid, with the reason, and the rest goes on', async () => {
  const message = 'tcpdump on node none-2: the kernel dropped 1 packets before it saw them';
  const { cases, recorder, asked } = await verified(new LabError('LAB_CAPTURE_FAILED', { message }), []);
  assert.deepEqual(asked.toSorted(), ['lab-none-system', 'lab-sidecar-system']);
  for (const { id, outcome } of recorder.record().testCases) {
    assert.equal(recorder.proven(id), false);
    assert.ok(outcome.state === 'measured', id);
    assert.deepEqual(outcome.verification.before.reasons, [`It could not be verified: ${message}`], id);
  }
  assert.ok(cases.length > 1);
});

test('an interruption ends it, and nothing is recorded as if it had failed', async () => {
  const interruption = new LabError('LAB_INTERRUPTED', { message: 'Interrupted by SIGINT.', exitCode: 130 });
  await assert.rejects(verified(interruption, [interruption]), { code: 'LAB_INTERRUPTED' });
});

test('a defect of the lab is not taken for one of the path', async () => {
  await assert.rejects(verified(new TypeError('undefined is not a function'), []), TypeError);
});

/** Verifies both data planes where every call of the API fails like that. */
async function verified(error: Error, aborted: readonly Error[]) {
  const asked: string[] = [];
  const refuse = (_method: string, path: string): Promise<never> => {
    asked.push(path.split('/')[4] ?? '');
    return Promise.reject(error);
  };
  const [reason] = aborted;
  const context: DataPlaneContext = {
    kube: { json: refuse, request: refuse } as unknown as Kube,
    signal: reason === undefined ? new AbortController().signal : AbortSignal.abort(reason),
    progress: () => undefined,
  };
  const scenario = await loadScenario('latency');
  const cases = planTestCases(scenario, { pools, profiles: ['l4', 'l7'], placements: ['cross-node'] });
  const pod = { metadata: { name: 'pod' }, status: { podIP: '10.0.0.1' } };
  const deployed: Deployed = { workload: pod, generators: new Map([['cross-node', pod]]) };
  const recorder = new Recorder(cases);
  await verifyAll(context, cases, new Map(pools.map(({ name }) => [name, deployed])), recorder);
  return { cases, recorder, asked };
}

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import { acceptedAnswer } from './accepted.ts';

const signal = new AbortController().signal;
const body = { pods: ['w-1'], seen: [{ kind: 'pods', name: 'w-1', resourceVersion: '5' }], timeoutSeconds: 1 };

/** A control plane that has seen pods up to a version, and a proxy that answers as it is told. */
function control({ seen = 5, policyError = null as string | null, refusal = null as LabError | null } = {}) {
  const changes = new EventEmitter();
  const calls: string[] = [];
  const state = { seen };
  return {
    state,
    calls,
    changes,
    options: {
      nameOf: (pod: string) => `proxy of ${pod}`,
      signal,
      update: () => void calls.push('update'),
      changed: (within: AbortSignal) => once(changes, 'change', { signal: within }),
      watch: {
        policyError: () => policyError,
        hasSeen: (_kind: string, _name: string, version: string) => state.seen >= Number(version),
      },
      xds: {
        accepted: async (id: string) => {
          calls.push(id);
          if (refusal !== null) throw refusal;
        },
      },
    },
  };
}

test('what was seen goes to the proxies before they are asked', async () => {
  const { options, calls } = control();
  assert.deepEqual(await acceptedAnswer(options, body), { failures: [] });
  assert.deepEqual(calls, ['update', 'proxy of w-1']);
});

test('it waits for what it has not seen, and says what when time runs out', async () => {
  const late = control({ seen: 4 });
  const answer = acceptedAnswer(late.options, body);
  late.changes.emit('change');
  late.state.seen = 5;
  late.changes.emit('change');
  assert.deepEqual(await answer, { failures: [] });
  const never = control({ seen: 4 });
  const { failures } = await acceptedAnswer(never.options, { ...body, timeoutSeconds: 0.05 });
  assert.equal(failures[0]?.code, 'LAB_CONTROL_BEHIND');
  assert.match(failures[0]?.message ?? '', /pods\/w-1/);
  assert.deepEqual(never.calls, []);
});

test('a policy that is not in force, and what a proxy says, are failures', async () => {
  const bad = await acceptedAnswer(control({ policyError: 'rules: no' }).options, body);
  assert.deepEqual(bad.failures, [
    { pod: null, code: 'LAB_POLICY_INVALID', message: 'policy.yaml of the ConfigMap authorization: rules: no' },
  ]);
  const refusal = new LabError('LAB_ENVOY_REJECTED', { message: 'in its words' });
  const refused = await acceptedAnswer(control({ refusal }).options, body);
  assert.deepEqual(refused.failures, [{ pod: 'w-1', code: 'LAB_ENVOY_REJECTED', message: 'in its words' }]);
});

test('a request that says something else is refused', async () => {
  await assert.rejects(acceptedAnswer(control().options, { ...body, pods: 'all' }));
});

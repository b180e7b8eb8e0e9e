import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { otherPort, port, testMovingCounters } from '../../tests/moving-counters.ts';
import { sidecarless } from '../sidecarless.ts';
import { noPolicy, shortcut } from '../variants.ts';

testInNamespaces(import.meta.filename, () => {
  test('what must not move can, and the allow-list is one', async (t) => {
    const there = await testMovingCounters(t, sidecarless, {
      'services/other-ports': { variant: null, placement: 'cross-node', go: ({ ask }) => ask('generator', otherPort) },
      'policy/dropped': { variant: null, placement: 'cross-node', go: ({ ask }) => ask('stranger', port) },
      'shortcut/bytes': { variant: shortcut, placement: 'same-node', go: ({ ask }) => ask('beside', port) },
    });
    await t.test('with it in force a stranger is refused and the generator is not; without it nobody is', async () => {
      const { context, pool } = there.cluster;
      const answers = async (variant: string | null): Promise<string[]> => {
        const testCase = { pool, placement: 'cross-node', profile: 'l4', encryption: 'none', variant, port } as const;
        await sidecarless.prepare?.(context, testCase);
        return Promise.all(['generator', 'stranger'].map((pod) => there.ask(pod, port)));
      };
      assert.deepEqual(await answers(null), ['200', 'no answer']);
      assert.deepEqual(await answers(noPolicy), ['200', '200']);
      assert.deepEqual(await answers(null), ['200', 'no answer']);
    });
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerKind } from './record.ts';
import { restarts } from './restart-policy.ts';

/** Exit codes of 0 and 1 after which a container is started again, under each restart policy. */
function restarted(kind: ContainerKind): Record<string, number[]> {
  const policies = [undefined, 'Always', 'OnFailure', 'Never'] as const;
  return Object.fromEntries(
    policies.map((restartPolicy) => {
      const spec = { containers: [], ...(restartPolicy === undefined ? {} : { restartPolicy }) };
      return [restartPolicy ?? 'none', [0, 1].filter((exitCode) => restarts({ spec }, kind, exitCode))];
    }),
  );
}

test('a container starts again as its pod asks, always where it does not', () => {
  assert.deepEqual(restarted('app'), { none: [0, 1], Always: [0, 1], OnFailure: [1], Never: [] });
});

test('an init container starts again until it has done its work', () => {
  assert.deepEqual(restarted('init'), { none: [1], Always: [1], OnFailure: [1], Never: [] });
});

test('a sidecar starts again whatever its pod asks', () => {
  assert.deepEqual(restarted('sidecar'), { none: [0, 1], Always: [0, 1], OnFailure: [0, 1], Never: [0, 1] });
});

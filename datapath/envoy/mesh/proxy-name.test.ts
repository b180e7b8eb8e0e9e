import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podOfProxy, proxyName } from './proxy-name.ts';

test('a proxy is found by its name, in its own namespace and of its own kind only', () => {
  const name = proxyName('sidecar', 'w-1.a', 'n');
  assert.equal(name, 'sidecar~w-1.a.n');
  assert.equal(podOfProxy('sidecar', name, 'n'), 'w-1.a');
  assert.deepEqual(
    [
      podOfProxy('sidecar', name, 'm'),
      podOfProxy('waypoint', name, 'n'),
      podOfProxy('sidecar', 'sidecar~.n', 'n'),
      podOfProxy('sidecar', 'sidecar~n', 'n'),
      podOfProxy('sidecar', '', 'n'),
    ],
    [null, null, null, null, null],
  );
});

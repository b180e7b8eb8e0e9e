import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { isPodReady } from './pod-ready.ts';

const pod = (type: string, status: string, metadata: V1Pod['metadata'] = {}): V1Pod => ({
  metadata,
  status: {
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type, status },
    ],
  },
});

test('a pod is ready when its Ready condition says so, and not before it has one', () => {
  assert.equal(isPodReady(pod('Ready', 'True')), true);
  assert.equal(isPodReady(pod('Ready', 'False')), false);
  assert.equal(isPodReady(pod('ContainersReady', 'True')), false);
  assert.equal(isPodReady({}), false);
});

test('a pod that is being deleted is not ready, though its condition still says so', () => {
  assert.equal(isPodReady(pod('Ready', 'True', { deletionTimestamp: new Date(0) })), false);
});

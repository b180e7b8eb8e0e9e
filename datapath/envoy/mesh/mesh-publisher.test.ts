import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import { meshPublisher } from './mesh-publisher.ts';

function publisher({ namespace = true, data = undefined as Record<string, string> | undefined } = {}) {
  const applied: KubernetesObject[][] = [];
  const publish = meshPublisher(
    {
      kube: { apply: async (objects) => void applied.push([...objects]) },
      namespace: 'n',
      root: 'ROOT',
      address: '10.96.0.7',
      log: () => undefined,
      signal: new AbortController().signal,
    },
    {
      namespace: () => (namespace ? {} : undefined),
      configMap: () => (data === undefined ? undefined : ({ data } satisfies V1ConfigMap)),
    },
  );
  return { publish, applied };
}

const current = { 'root.pem': 'ROOT', control: '10.96.0.7' };

test('it publishes root and address where they are missing or other than they should be, once at a time', async () => {
  for (const data of [undefined, {}, { ...current, 'root.pem': 'OTHER' }]) {
    const { publish, applied } = publisher(data === undefined ? {} : { data });
    publish();
    publish();
    await setImmediate();
    assert.equal(applied.length, 1);
    const [object] = applied.flat();
    assert.deepEqual(object, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'lab-mesh', namespace: 'n' },
      data: current,
    });
  }
});

test('it leaves alone what is right, and a namespace that is not there', async () => {
  const right = publisher({ data: current });
  right.publish();
  const nowhere = publisher({ namespace: false });
  nowhere.publish();
  await setImmediate();
  assert.deepEqual([right.applied, nowhere.applied], [[], []]);
});

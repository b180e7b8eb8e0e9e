import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { PodFacts } from '../cluster/pod-facts.ts';
import { podNaming } from './pod-naming.ts';

const pod = (name: string, node: string): PodFacts => ({
  ...{ namespace: 'n', name, uid: name, node, addresses: ['10.0.0.2'], labels: { app: name } },
  ...{ namedPorts: [], hostPorts: [], shortcut: true, workload: { kind: 'Pod', name: 'web' } },
});

function world(pods: PodFacts[], answer: (app: string) => Promise<number>) {
  const named = new Map<string, number>();
  const asked: string[] = [];
  const stop = new AbortController();
  const registry = {
    synced: true,
    find: ({ app = '' }) => named.get(app) ?? null,
    async ensure({ app = '' }) {
      asked.push(app);
      const id = await answer(app);
      named.set(app, id);
      return id;
    },
  };
  const namePods = podNaming({ state: { pods: () => pods }, registry, ownNode: 'one', signal: stop.signal });
  const take = (): string[] => asked.splice(0);
  return { namePods, take, stop };
}

test('pods of this node are named at once, those of others where nobody has after a second', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const now = mock.method(performance, 'now', () => 0);
  try {
    const { namePods, take } = world([pod('own', 'one'), pod('other', 'two')], async () => 300);
    namePods();
    assert.deepEqual(take(), ['own']);
    await Promise.resolve();
    now.mock.mockImplementation(() => 999);
    namePods();
    assert.deepEqual(take(), []);
    now.mock.mockImplementation(() => 1000);
    mock.timers.tick(1000);
    assert.deepEqual(take(), ['other']);
  } finally {
    mock.timers.reset();
    now.mock.restore();
  }
});

test('one that is refused or never answered is asked for again, and holds up nobody', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const pods = [pod('refused', 'one'), pod('silent', 'one')];
    const { namePods, take, stop } = world(pods, (app) =>
      app === 'refused'
        ? Promise.reject(new Error('no'))
        : app === 'silent'
          ? new Promise(() => undefined)
          : Promise.resolve(300),
    );
    namePods();
    assert.deepEqual(take(), ['refused', 'silent']);
    pods.push(pod('late', 'one'));
    namePods();
    assert.deepEqual(take(), ['refused', 'silent', 'late']);
    await Promise.resolve();
    mock.timers.tick(1000);
    assert.deepEqual(take(), ['refused', 'silent']);
    stop.abort();
    mock.timers.tick(1000);
    assert.deepEqual(take(), []);
  } finally {
    mock.timers.reset();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodFacts } from '../cluster/pod-facts.ts';
import { CniError, cniCodes } from '../cni/cni-error.ts';
import type { PodEndpoint } from '../cni/endpoint.ts';
import { ownerKey } from '../cni/lease.ts';
import { testMap } from '../tests/test-map.ts';
import type { Endpoint } from './endpoint.ts';
import { localPods } from './local-pods.ts';

const link = (ifname: string, uid = ''): PodEndpoint => ({
  ...{ containerId: 'c1', ifname, netns: '/run/netns/c1', addresses: ['10.0.0.2'], ifindex: 7, mac: '', nodeMac: '' },
  pod: { namespace: 'shop', name: 'web-0', uid },
});

type World = { known?: PodFacts; ask?: (path: string) => Promise<object>; reconcile?: () => Map<Endpoint, Error> };

/** A node on which nothing can be attached: how far a request gets is what is looked at. */
function nodeWith({ known, ask = async () => ({}), reconcile = () => new Map() }: World) {
  const endpoints = new Map<string, Endpoint>();
  const pods = localPods({
    ...{ endpoints, reconcile, reconciler: {} as never, registry: {} as never },
    kube: { json: (_method: string, path: string) => ask(path) } as never,
    state: { pod: () => known ?? null } as never,
    datapath: { endpoints: testMap(), policies: testMap() } as never,
  });
  return { endpoints, pods };
}

const { signal } = new AbortController();
const isRefused = (message: RegExp) => (error: unknown) =>
  error instanceof CniError && error.cniCode === cniCodes.tryAgainLater && message.test(error.message);

test('a sandbox does not become another pod that has its pod’s name by now', async () => {
  const replaced = { metadata: { namespace: 'shop', name: 'web-0', uid: 'second' } };
  const known = { namespace: 'shop', name: 'web-0', uid: 'second' } as PodFacts;
  for (const world of [{}, { known }]) {
    const { endpoints, pods } = nodeWith({ ...world, ask: async () => replaced });
    const attached = pods.attach(link('eth0', 'first'), signal);
    await assert.rejects(attached, isRefused(/pod shop\/web-0 is not first any more, but second/));
    assert.equal(endpoints.size, 0);
  }
});

test('where the runtime does not say which pod it means the API server is asked, whoever is known by that name', async () => {
  const asked: string[] = [];
  const known = { namespace: 'shop', name: 'web-0', uid: 'first' } as PodFacts;
  const ask = async (path: string): Promise<object> => {
    asked.push(path);
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  };
  const { pods } = nodeWith({ known, ask });
  const why = /API server does not tell of pod shop\/web-0: fetch failed: connect ECONNREFUSED/;
  await assert.rejects(pods.attach(link('eth0'), signal), isRefused(why));
  assert.deepEqual(asked, ['/api/v1/namespaces/shop/pods/web-0', '/api/v1/namespaces/shop']);
});

test('an interface that is taken away costs no other of the same pod, and is gone even where maps cannot be written', async () => {
  let isBroken = false;
  const reconcile = (): Map<Endpoint, Error> => {
    if (isBroken) throw new Error('no room');
    return new Map();
  };
  const { endpoints, pods } = nodeWith({ reconcile });
  let removed = 0;
  const endpoint = { remove: async () => void removed++ } as never;
  endpoints.set(ownerKey(link('eth0')), endpoint);
  await pods.detach(link('net1'));
  assert.deepEqual([removed, endpoints.size], [0, 1]);
  isBroken = true;
  await assert.rejects(pods.detach(link('eth0')), /no room/);
  assert.deepEqual([removed, endpoints.size], [1, 0]);
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { type IdentityObject, type IdentityRegistry, watchIdentities } from './identity-registry.ts';

const shop = { app: 'web', namespace: 'shop' };

/** What an API server does with identities: a name is given once. Answers come when the test says so, if it does. */
function identityApi() {
  const objects = new Map<string, IdentityObject>();
  const api = {
    objects,
    requests: 0,
    answer: async (): Promise<number | null> => null,
    agent(): IdentityRegistry {
      const kube = {
        inform: () => undefined,
        async request(_: string, __: string, { body }: { body: IdentityObject }) {
          api.requests++;
          const failure = await api.answer();
          if (failure !== null) return new Response('no', { status: failure });
          const name = body.metadata?.name ?? '';
          if (objects.has(name)) return new Response('there is one', { status: 409 });
          objects.set(name, body);
          return new Response('{}', { status: 201 });
        },
        json: async (_: string, path: string) => objects.get(path.split('/').at(-1) ?? ''),
      };
      return watchIdentities(kube as unknown as Kube, {
        signal: new AbortController().signal,
        onChange: () => undefined,
      });
    },
  };
  return api;
}

test('pods of the same labels that start at once ask for one identity, once', async () => {
  const api = identityApi();
  const agent = api.agent();
  const ids = await Promise.all(Array.from({ length: 10 }, () => agent.ensure({ ...shop })));
  assert.equal(new Set(ids).size, 1);
  assert.equal(api.requests, 1);
  assert.deepEqual(agent.labelsOf(ids[0] ?? 0), shop);
});

test('two agents at once agree', async () => {
  const api = identityApi();
  const [one, other] = await Promise.all([api.agent().ensure(shop), api.agent().ensure(shop)]);
  assert.equal(one, other);
  assert.equal(api.objects.size, 1);
});

test('labels that fall on one number at once get two', async () => {
  const api = identityApi();
  const agent = api.agent();
  const [one, other] = colliding();
  const ids = await Promise.all([agent.ensure(one), agent.ensure(other)]);
  assert.equal((ids[0] ?? 0) + 1, ids[1]);
  assert.deepEqual(ids.map(agent.labelsOf), [one, other]);
  assert.deepEqual(await Promise.all([api.agent().ensure(other), api.agent().ensure(one)]), ids.toReversed());
});

test('a refusal is told to all who wait for it, and is not the last word', async () => {
  const api = identityApi();
  const agent = api.agent();
  api.answer = async () => 503;
  for (const { reason } of (await Promise.allSettled([agent.ensure(shop), agent.ensure(shop)])) as { reason?: Error }[])
    assert.match(reason?.message ?? '', /identity \d+ could not be made: 503 no/);
  assert.equal(agent.find(shop), null);
  api.answer = async () => null;
  assert.equal(agent.find(shop), null);
  assert.equal(await agent.ensure(shop), agent.find(shop));
});

/** Labels whose first choice is the same number: of 65,280, some 300 tries find two. */
function colliding(): [Record<string, string>, Record<string, string>] {
  const seen = new Map<number, Record<string, string>>();
  for (let number = 0; ; number++) {
    const labels = { app: `app-${number}` };
    const hash =
      createHash('sha256')
        .update(JSON.stringify(Object.entries(labels)))
        .digest()
        .readUInt32LE(0) % 65_280;
    const other = seen.get(hash);
    if (other !== undefined && hash < 65_000) return [other, labels];
    seen.set(hash, labels);
  }
}

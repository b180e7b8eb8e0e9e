import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptanceOf } from './acceptance.ts';
import { type DeltaRequest, type DeltaResponse, DeltaStream } from './delta-stream.ts';
import { kindOf, type ResourceKind, resourceKinds } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

type Names = Partial<Record<ResourceKind, Record<string, string>>>;

function snapshot(versions: Names): Snapshot {
  return Object.fromEntries(
    resourceKinds.map((kind) => [
      kind,
      new Map(
        Object.entries(versions[kind] ?? {}).map(([name, version]) => [name, { version, bytes: new Uint8Array() }]),
      ),
    ]),
  ) as unknown as Snapshot;
}

/** An Envoy that answers when it is told to. */
function stream() {
  const responses: DeltaResponse[] = [];
  const delta = new DeltaStream((response) => responses.push(response));
  const ask = (kind: ResourceKind, request: Partial<DeltaRequest> = {}): void =>
    delta.receive(kind, {
      typeUrl: '',
      resourceNamesSubscribe: [],
      resourceNamesUnsubscribe: [],
      initialResourceVersions: {},
      responseNonce: '',
      ...request,
    });
  /** What was sent since the last look, as `kind +name -name`. */
  const sent = (): string[] =>
    responses
      .splice(0)
      .map(({ typeUrl, nonce, resources, removedResources }) =>
        [
          `${nonce}:${kindOf(typeUrl)}`,
          ...resources.map(({ name, version }) => `+${name}@${version}`),
          ...removedResources.map((name) => `-${name}`),
        ].join(' '),
      );
  const acknowledge = (kind: ResourceKind, nonce: number): void => ask(kind, { responseNonce: String(nonce) });
  return { delta, ask, acknowledge, sent };
}

test('clusters and endpoints are acknowledged before listeners and routes that use them are sent', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '1' }, endpoint: { a: '1' }, listener: { l: '1' }, route: { r: '1' } }));
  ask('listener');
  assert.deepEqual(sent(), []);
  ask('cluster');
  assert.deepEqual(sent(), ['1:cluster +a@1']);
  acknowledge('cluster', 1);
  assert.deepEqual(sent(), [], 'endpoints have not been asked for');
  ask('endpoint', { resourceNamesSubscribe: ['a'] });
  assert.deepEqual(sent(), ['2:endpoint +a@1']);
  acknowledge('endpoint', 2);
  assert.deepEqual(sent(), ['3:listener +l@1']);
  acknowledge('listener', 3);
  ask('route', { resourceNamesSubscribe: ['r'] });
  assert.deepEqual(sent(), ['4:route +r@1']);
});

test('what is gone is taken away after those that used it', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '1', b: '1' }, listener: { l: '1' } }));
  ask('cluster');
  acknowledge('cluster', 1);
  ask('listener');
  acknowledge('listener', 2);
  sent();
  delta.setSnapshot(snapshot({ cluster: { b: '2' }, listener: { l: '2' } }));
  assert.deepEqual(sent(), ['3:cluster +b@2']);
  acknowledge('cluster', 3);
  assert.deepEqual(sent(), ['4:listener +l@2']);
  acknowledge('listener', 4);
  assert.deepEqual(sent(), ['5:cluster -a']);
  assert.deepEqual(acceptanceOf(snapshot({ cluster: { b: '2' }, listener: { l: '2' } }), [delta]), {
    state: 'pending',
    missing: ['removals'],
  });
  acknowledge('cluster', 5);
  assert.equal(acceptanceOf(snapshot({ cluster: { b: '2' }, listener: { l: '2' } }), [delta]).state, 'accepted');
});

test('there is one unanswered response of a kind, and the next has what has come together since', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '1' } }));
  ask('cluster');
  delta.setSnapshot(snapshot({ cluster: { a: '2' } }));
  delta.setSnapshot(snapshot({ cluster: { a: '3', b: '1' } }));
  assert.deepEqual(sent(), ['1:cluster +a@1']);
  acknowledge('cluster', 1);
  assert.deepEqual(sent(), ['2:cluster +a@3 +b@1']);
});

test('nothing is sent twice, and nothing to send is still an answer', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({}));
  ask('cluster');
  assert.deepEqual(sent(), ['1:cluster']);
  acknowledge('cluster', 1);
  delta.setSnapshot(snapshot({}));
  assert.deepEqual(sent(), []);
});

test('a proxy that comes back is sent only what it does not have', () => {
  const { delta, ask, sent } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '2', b: '1' } }));
  ask('cluster', { initialResourceVersions: { a: '1', b: '1', c: '1' } });
  assert.deepEqual(sent(), ['1:cluster +a@2 -c']);
});

test('a changed cluster gets its endpoints anew, and so does one that asks again', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '1' }, endpoint: { a: '1' } }));
  ask('cluster');
  acknowledge('cluster', 1);
  ask('endpoint', { resourceNamesSubscribe: ['a'] });
  acknowledge('endpoint', 2);
  sent();
  delta.setSnapshot(snapshot({ cluster: { a: '2' }, endpoint: { a: '1' } }));
  assert.deepEqual(sent(), ['3:cluster +a@2', '4:endpoint +a@1']);
  acknowledge('cluster', 3);
  acknowledge('endpoint', 4);
  ask('endpoint', { resourceNamesSubscribe: ['a'] });
  assert.deepEqual(sent(), ['5:endpoint +a@1']);
});

test('whoever asks for what there is not is told so once, and gets it when there is', () => {
  const { delta, ask, acknowledge, sent } = stream();
  delta.setSnapshot(snapshot({}));
  ask('secret', { resourceNamesSubscribe: ['s'] });
  assert.deepEqual(sent(), ['1:secret -s']);
  acknowledge('secret', 1);
  assert.deepEqual(sent(), []);
  delta.setSnapshot(snapshot({ secret: { s: '1' } }));
  assert.deepEqual(sent(), ['2:secret +s@1']);
});

test('a refusal is kept in its words until another version is sent, and is not sent again', () => {
  const { delta, ask, acknowledge, sent } = stream();
  const bad = snapshot({ cluster: { a: '1' } });
  delta.setSnapshot(bad);
  ask('cluster');
  sent();
  ask('cluster', { responseNonce: '1', errorDetail: { code: 3, message: 'no such thing' } });
  assert.deepEqual(sent(), []);
  assert.deepEqual(acceptanceOf(bad, [delta]), { state: 'rejected', message: 'no such thing' });
  const good = snapshot({ cluster: { a: '2' } });
  delta.setSnapshot(good);
  assert.equal(acceptanceOf(good, [delta]).state, 'pending');
  acknowledge('cluster', 2);
  assert.equal(acceptanceOf(good, [delta]).state, 'accepted');
});

test('an answer to an older response is not taken for one to the last', () => {
  const { delta, ask, acknowledge } = stream();
  delta.setSnapshot(snapshot({ cluster: { a: '1' } }));
  ask('cluster');
  acknowledge('cluster', 1);
  const last = snapshot({ cluster: { a: '2' } });
  delta.setSnapshot(last);
  acknowledge('cluster', 1);
  assert.deepEqual(acceptanceOf(last, [delta]), { state: 'pending', missing: ['cluster a'] });
});

test('a resource is accepted when every stream that listens to it has it, and not before anyone listens', () => {
  const both = snapshot({ secret: { s: '1', t: '1' } });
  const [first, second] = [stream(), stream()];
  const accepted = (): string => acceptanceOf(both, [first.delta, second.delta]).state;
  for (const { delta } of [first, second]) delta.setSnapshot(both);
  first.ask('secret', { resourceNamesSubscribe: ['s'] });
  first.acknowledge('secret', 1);
  assert.equal(accepted(), 'pending');
  second.ask('secret', { resourceNamesSubscribe: ['s', 't'] });
  assert.equal(accepted(), 'pending');
  second.acknowledge('secret', 1);
  assert.equal(accepted(), 'accepted');
});

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, ObjectCache } from '@kubernetes/client-node';
import { fetch } from 'undici';
import { type Patience, startInformer } from './informer.ts';
import type { Kube } from './kube.ts';
import { type Fault, type FaultyApi, startFaultyApi } from './tests/faulty-api.ts';

type Thing = KubernetesObject & { value: string };

const impatient: Patience = { watchSeconds: 1, answerSeconds: 0.6, pauseSeconds: 0.2 };
/** For what must not be disturbed by a machine that is busy. */
const patient: Patience = { ...impatient, answerSeconds: 20 };
const withinMs = 15_000;

type Informed = {
  cache: ObjectCache<Thing>;
  told: Map<string, string>;
  syncs: () => number;
  failures: (readonly [message: string, inARow: number])[];
};
type World = { api: FaultyApi; stop: AbortController; inform: (patience?: Patience) => Informed };

/** A server of its own, with three objects, until the test ends. */
async function world(t: TestContext): Promise<World> {
  const stop = new AbortController();
  const api = await startFaultyApi();
  for (const name of ['changed', 'deleted', 'kept']) api.put(name, '1');
  t.after(async () => {
    stop.abort();
    await api.stop().catch(() => undefined);
  });
  return { api, stop, inform: (patience = impatient) => informOf(api, stop.signal, patience) };
}

/** An informer whose callbacks are all that `told` is made of. */
function informOf(api: FaultyApi, signal: AbortSignal, patience: Patience): Informed {
  const told = new Map<string, string>();
  const failures: Informed['failures'] = [];
  let syncs = 0;
  const request: Kube['request'] = (method, path, { query = {}, signal: until } = {}) =>
    fetch(`${api.url}${path}?${new URLSearchParams(query)}`, {
      method,
      ...(until === undefined ? {} : { signal: until }),
    });
  const options = {
    signal,
    onSync: () => syncs++,
    onChange({ metadata, value }: Thing, deleted: boolean) {
      if (deleted) told.delete(metadata?.name ?? '');
      else told.set(metadata?.name ?? '', value);
    },
    onFailure: ({ message }: Error, inARow: number) => failures.push([message, inARow]),
  };
  return { cache: startInformer<Thing>(request, '/things', options, patience), told, syncs: () => syncs, failures };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    assert.ok(performance.now() < deadline, what);
    await delay(5);
  }
}

const sorted = (values: Iterable<[string, string]>): string => JSON.stringify([...values].sort());
const isUpToDate = (api: FaultyApi, { cache, told }: Informed): boolean => {
  const there = sorted(Object.entries(api.values()));
  const cached = cache.list().map(({ metadata, value }): [string, string] => [metadata?.name ?? '', value]);
  return sorted(cached) === there && sorted(told) === there;
};

/** One change of each kind. */
function change(api: FaultyApi): void {
  api.put('changed', '2');
  api.remove('deleted');
  api.put('added', '2');
}

const answerWith =
  (status: number, body: string, headers: Record<string, string> = {}): Fault =>
  (response) =>
    void response.writeHead(status, headers).end(body);
const status = (code: number): string => JSON.stringify({ kind: 'Status', code, message: 'no' });
const silence: Fault = () => undefined;
const reset: Fault = (response) => void response.destroy();
const cutShort: Fault = (response) => {
  response.writeHead(200).write('{"metadata":{"resourceVersion":"9"},"items":[');
  setImmediate(() => response.destroy());
};

const brokenLists: Readonly<Record<string, Fault>> = {
  'refused with 401': answerWith(401, status(401)),
  'refused with 403': answerWith(403, status(403)),
  'not there yet, 404': answerWith(404, 'not found'),
  'answered 410': answerWith(410, status(410)),
  'too many requests': answerWith(429, status(429), { 'retry-after': '1' }),
  'answered 500': answerWith(500, status(500)),
  'a page of a proxy': answerWith(502, '<html>'),
  'a page of a proxy that says 200': answerWith(200, '<html>'),
  'no JSON': answerWith(200, '{"items": ['),
  'no items': answerWith(200, '{"metadata":{"resourceVersion":"9"},"items":null}'),
  'a status instead of a list': answerWith(200, status(200)),
  'items without names': answerWith(200, '{"metadata":{"resourceVersion":"9"},"items":[{}]}'),
  'no version': answerWith(200, '{"metadata":{},"items":[]}'),
  reset: reset,
  'cut short': cutShort,
  silent: silence,
  'silent after the headers': (response) => void response.writeHead(200).flushHeaders(),
};

const bookmark = (version: number): string =>
  `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } })}\n`;
/** A watch in which one line stands instead of the first event, before all others. */
const instead =
  (line: string): Fault =>
  (response, _, { linesAfter, version }) => {
    response.writeHead(200).write(line);
    for (const event of linesAfter(version - 2)) response.write(event);
  };

const brokenWatches: Readonly<Record<string, Fault>> = {
  'refused with 403': answerWith(403, status(403)),
  'answered 410': answerWith(410, status(410)),
  'too many requests': answerWith(429, status(429), { 'retry-after': '1' }),
  'answered 500': answerWith(500, status(500)),
  'answered 503': answerWith(503, 'starting'),
  'a page of a proxy that says 200': answerWith(200, '<html>\n</html>\n'),
  'an error as event, 410': answerWith(200, `{"type":"ERROR","object":${status(410)}}\n`),
  'an error as event, 500': answerWith(200, `{"type":"ERROR","object":${status(500)}}\n`),
  'ends at once': answerWith(200, ''),
  'ends within an event': answerWith(200, '{"type":"MODIFIED","object":{"metadata":{"na'),
  reset: reset,
  'cut short': cutShort,
  'an event that is no JSON': instead('{"type":"MODIFIED","object":{"metadata\n'),
  'an event that is null': instead('null\n'),
  'an event without an object': instead('{"type":"MODIFIED"}\n'),
  'an event without a name': instead('{"type":"DELETED","object":{"metadata":{"resourceVersion":"9"}}}\n'),
  'an event of an unknown type': instead(
    '{"type":"RENAMED","object":{"metadata":{"name":"a","resourceVersion":"9"}}}\n',
  ),
  silent: silence,
  'silent after the headers': (response) => void response.writeHead(200).flushHeaders(),
  'silent after a bookmark': (response, _, { version }) => void response.writeHead(200).write(bookmark(version - 3)),
};

suite('an informer', { concurrency: 10 }, () => {
  for (const [name, fault] of Object.entries(brokenLists)) {
    test(`a list that goes wrong is asked for again, and is no list: ${name}`, async (t) => {
      const { api, inform } = await world(t);
      const happened = api.break('list', fault, 2);
      const informed = inform();
      await happened;
      assert.deepEqual([informed.syncs(), informed.cache.list().length], [0, 0]);
      await until('the list', () => isUpToDate(api, informed) && informed.syncs() === 1);
    });

    test(`nothing is forgotten when a later list goes wrong: ${name}`, async (t) => {
      const { api, inform } = await world(t);
      const informed = inform();
      await until('the first list', () => informed.syncs() === 1 && api.requests.watch === 1);
      const before = [...informed.told];
      const happened = api.break('list', fault, 2);
      void api.break('watch', answerWith(410, status(410)));
      api.endWatches();
      await happened;
      assert.deepEqual([...informed.told], before);
      change(api);
      await until('the changes', () => isUpToDate(api, informed) && informed.syncs() === 2);
    });
  }

  for (const [name, fault] of Object.entries(brokenWatches)) {
    test(`a watch that goes wrong loses no change: ${name}`, async (t) => {
      const { api, inform } = await world(t);
      const informed = inform();
      await until('the first watch', () => informed.syncs() === 1 && api.requests.watch === 1);
      const happened = api.break('watch', fault, 2);
      // The changes come while nobody watches.
      api.endWatches();
      change(api);
      await happened;
      await until('the changes', () => isUpToDate(api, informed));
      api.put('after', '3');
      await until('a later change', () => isUpToDate(api, informed));
    });
  }

  test('connections are refused for a while', async (t) => {
    const { api, inform } = await world(t);
    const informed = inform(patient);
    await until('the first watch', () => informed.syncs() === 1 && api.requests.watch === 1);
    await api.stop();
    change(api);
    await delay(500);
    await api.start();
    await until('the changes', () => isUpToDate(api, informed));
    assert.equal(informed.syncs(), 1, 'it went on from where it was');
  });

  test('whoever wants to know is told what goes wrong, and how often in a row', async (t) => {
    const { api, inform } = await world(t);
    void api.break('list', answerWith(403, status(403)), 2);
    const informed = inform(patient);
    await until('the list', () => informed.syncs() === 1);
    assert.deepEqual(informed.failures, [
      ['GET /things: the API server answered 403: no', 1],
      ['GET /things: the API server answered 403: no', 2],
    ]);
  });

  test('the server is not there at first', async (t) => {
    const { api, inform } = await world(t);
    await api.stop();
    const informed = inform();
    await delay(300);
    assert.equal(informed.syncs(), 0);
    await api.start();
    await until('the list', () => isUpToDate(api, informed) && informed.syncs() === 1);
  });

  test('what is too old to be gone on from is listed again, deletions included', async (t) => {
    const { api, inform } = await world(t);
    const informed = inform(patient);
    await until('the first watch', () => informed.syncs() === 1 && api.requests.watch === 1);
    await api.stop();
    change(api);
    api.compact();
    await api.start();
    await until('the changes', () => isUpToDate(api, informed));
    assert.equal(informed.syncs(), 2);
  });

  test('a watch that ends in time is followed by the next one at once, without another list', async (t) => {
    const { api, inform } = await world(t);
    const informed = inform(patient);
    await until('a third watch', () => api.requests.watch === 3);
    assert.equal(api.requests.list, 1);
    change(api);
    await until('the changes', () => isUpToDate(api, informed));
  });

  test('one that cannot do better does not try all the time', async (t) => {
    const { api, inform } = await world(t);
    void api.break('watch', answerWith(200, ''), 1000);
    inform(patient);
    await delay(1500);
    assert.ok(api.requests.watch < 15, `${api.requests.watch} watches in 1.5 s`);
    assert.equal(api.requests.list, 1);
  });

  test('its end is the end of its requests', async (t) => {
    const { api, stop, inform } = await world(t);
    const informed = inform(patient);
    await until('the first watch', () => informed.syncs() === 1 && api.requests.watch === 1);
    const closed = new Promise<void>((resolve) => void api.break('watch', (response) => response.on('close', resolve)));
    api.endWatches();
    await until('another watch', () => api.requests.watch === 2);
    stop.abort();
    await closed;
    const requests = { ...api.requests };
    await delay(300);
    assert.deepEqual(api.requests, requests);
  });
});

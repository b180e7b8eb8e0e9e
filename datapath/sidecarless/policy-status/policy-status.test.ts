import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Response } from 'undici';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { ParsedPolicy } from '../policy/rule.ts';
import { type Condition, isJudged, messageOf, type PolicyDocument, reader, statusOf } from './condition.ts';
import { eventOf } from './event.ts';
import { type LearnPolicy, type ReportOptions, reportPolicies } from './policy-status.ts';

const broken = { endpointSelector: {}, egress: [{ toFQDNs: [{ matchName: 'a.b' }] }] };
const good = { endpointSelector: {}, egress: [{ toEntities: ['all'] }] };
const now = (): Date => new Date('2030-01-02T03:04:05.678Z');
const delaysMs = { first: 50, again: 20, most: 100 };

type Document = PolicyDocument & { metadata: { resourceVersion: string; generation: number }; spec: unknown };

function document(kind: string, spec: unknown, version = 1): Document {
  const namespaced = kind === 'CiliumClusterwideNetworkPolicy' ? {} : { namespace: 'shop' };
  return {
    apiVersion: kind === 'NetworkPolicy' ? 'networking.k8s.io/v1' : 'cilium.io/v2',
    kind,
    metadata: { name: 'p', ...namespaced, uid: 'u', resourceVersion: String(version), generation: version },
    spec,
  };
}

/** What the API server does with one object and with events, and what agents learn of it some milliseconds later. */
class Api {
  object: Document;
  readonly events = new Map<string, { message: string }>();
  readonly requests: { method: string; path: string; status: number }[] = [];
  /** Answers that come instead, for the first requests. */
  readonly instead: (number | 'reset')[] = [];
  readonly #agents: { learn: LearnPolicy; told: Promise<void> }[] = [];

  constructor(object: Document) {
    this.object = object;
  }

  agent(options: Partial<ReportOptions> & { signal: AbortSignal }): LearnPolicy {
    const learn = reportPolicies({ request: this.request }, { log: () => undefined, now, delaysMs, ...options });
    this.#agents.push({ learn, told: Promise.resolve() });
    return learn;
  }

  /** Everybody learns of the object as it is now, after all that came before, as by a watch. */
  announce(): void {
    const seen = this.object;
    for (const agent of this.#agents) {
      const before = agent.told;
      agent.told = delay(Math.random() * 5).then(async () => {
        await before;
        agent.learn(parsePolicy(seen), seen);
      });
    }
  }

  replace(object: Document): void {
    this.object = object;
    this.announce();
  }

  readonly request: Kube['request'] = async (method, path, { body } = {}) => {
    const failure = this.instead.shift();
    const status = failure === undefined ? this.#answer(method, path, body as never) : failure;
    this.requests.push({ method, path, status: status === 'reset' ? 0 : status });
    if (status === 'reset') throw new TypeError('fetch failed');
    return new Response('{}', { status });
  };

  #answer(method: string, path: string, body: Document & { message: string }): number {
    if (method === 'POST') {
      assert.match(path, /^\/api\/v1\/namespaces\/(shop|default)\/events$/);
      if (this.events.has(body.metadata?.name ?? '')) return 409;
      this.events.set(body.metadata?.name ?? '', body);
      return 201;
    }
    if (body.metadata.resourceVersion !== this.object.metadata.resourceVersion) return 409;
    const resourceVersion = String(Number(this.object.metadata.resourceVersion) + 1);
    const status = body.status as PolicyDocument['status'] & object;
    this.replace({ ...this.object, metadata: { ...this.object.metadata, resourceVersion }, status });
    return 200;
  }

  written(method: string): number {
    return this.requests.filter((request) => request.method === method && request.status < 300).length;
  }

  get valid(): Condition | undefined {
    return this.object.status?.conditions?.find(({ type }) => type === 'Valid');
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 5) {
    assert.ok(waitedMs < 20_000, 'waited 20 s');
    await delay(5);
  }
}

/** With that many agents, until the test ends. */
function agents(t: { after(end: () => void): void }, object: Document, count: number, options = {}): Api {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const api = new Api(object);
  for (let index = 0; index < count; index++) api.agent({ signal: stop.signal, ...options });
  return api;
}

test('of twenty agents one writes the status, and one event is made', async (t) => {
  const api = agents(t, document('CiliumNetworkPolicy', broken), 20, { delaysMs: { ...delaysMs, first: 4000 } });
  api.announce();
  await until(() => api.valid !== undefined);
  await delay(4100);
  assert.deepEqual(api.valid, {
    type: 'Valid',
    status: 'False',
    reason: 'PolicyInvalid',
    message: 'nothing is allowed by it until this is mended: spec.egress[0].toFQDNs: not supported',
    observedGeneration: 1,
    lastTransitionTime: '2030-01-02T03:04:05Z',
  });
  assert.deepEqual([api.written('PATCH'), api.written('POST')], [1, 1]);
  assert.ok(api.requests.length < 10, `${api.requests.length} requests`);
});

test('a status is written once for each generation, and no event for what is well', async (t) => {
  const api = agents(t, document('CiliumClusterwideNetworkPolicy', good), 3);
  api.announce();
  await until(() => api.valid?.status === 'True');
  api.replace({ ...document('CiliumClusterwideNetworkPolicy', broken, 10), status: api.object.status ?? {} });
  await until(() => api.valid?.status === 'False' && api.valid.observedGeneration === 10);
  assert.match([...api.events.values()][0]?.message ?? '', /toFQDNs/);
  assert.ok(api.requests.some(({ path }) => path === '/api/v1/namespaces/default/events'));
  api.replace({ ...document('CiliumClusterwideNetworkPolicy', good, 20), status: api.object.status ?? {} });
  await until(() => api.valid?.observedGeneration === 20);
  await delay(100);
  assert.equal(api.valid?.status, 'True');
  assert.deepEqual([api.written('PATCH'), api.events.size], [3, 1]);
});

test('a NetworkPolicy has no status: an event tells, once', async (t) => {
  const api = agents(t, document('NetworkPolicy', { podSelector: {}, extra: 1 }), 3);
  api.announce();
  await until(() => api.requests.length === 3);
  api.announce();
  await delay(100);
  assert.deepEqual([api.requests.length, api.events.size, api.written('PATCH')], [3, 1, 0]);
  api.replace(document('NetworkPolicy', { podSelector: {} }, 2));
  await delay(100);
  assert.equal(api.requests.length, 3);
});

test('whatever the API server says, it is asked again, but not for ever', async (t) => {
  const lines: string[] = [];
  const log = (_level: string, message: string): void => void lines.push(message);
  const api = agents(t, document('CiliumNetworkPolicy', broken), 1, { log });
  api.instead.push('reset', 500, 429, 403, 403, 503, 'reset');
  api.announce();
  await until(() => api.valid !== undefined);
  assert.deepEqual(lines, ['a policy cannot be enforced as written, and fails closed']);

  const hopeless = agents(t, document('CiliumNetworkPolicy', good), 1, { log });
  hopeless.instead.push(...new Array<number>(100).fill(403));
  hopeless.announce();
  await until(() => lines.length === 2);
  await delay(200);
  assert.deepEqual([hopeless.requests.length, lines[1]], [10, 'the state of a policy could not be reported']);
  // It may when the object changes.
  hopeless.instead.length = 0;
  hopeless.replace(document('CiliumNetworkPolicy', good, 2));
  await until(() => hopeless.valid?.status === 'True');
});

test('without a right to make events the status is written all the same', async (t) => {
  const api = agents(t, document('CiliumNetworkPolicy', broken), 1);
  const { request } = api;
  const stop = new AbortController();
  t.after(() => stop.abort());
  const learn = reportPolicies(
    {
      request: async (method, ...rest) =>
        method === 'POST' ? new Response('', { status: 403 }) : request(method, ...rest),
    },
    { signal: stop.signal, log: () => undefined, now, delaysMs },
  );
  learn(parsePolicy(api.object), api.object);
  await until(() => api.valid?.status === 'False');
});

test('what is refused as such is not sent again', async (t) => {
  const api = agents(t, document('CiliumNetworkPolicy', good), 1);
  api.instead.push(422, 422);
  api.announce();
  await until(() => api.requests.length === 1);
  await delay(100);
  assert.equal(api.requests.length, 1);
});

test('an object that changes or goes while it is written about', async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const api = new Api(document('CiliumNetworkPolicy', good));
  let meanwhile: (() => void) | null = null;
  const request: Kube['request'] = async (...call) => {
    meanwhile?.();
    meanwhile = null;
    return api.request(...call);
  };
  const learn = reportPolicies({ request }, { signal: stop.signal, log: () => undefined, now, delaysMs });
  const seen = (): void => learn(parsePolicy(api.object), api.object);
  // An annotation: another version of the same generation, learnt before the answer comes.
  meanwhile = () => {
    api.object = { ...api.object, metadata: { ...api.object.metadata, resourceVersion: '5' } };
    seen();
  };
  seen();
  await until(() => api.valid?.status === 'True');
  assert.deepEqual(
    api.requests.map(({ status }) => status),
    [409, 200],
  );
  // Another generation.
  meanwhile = () => {
    api.object = document('CiliumNetworkPolicy', broken, 30);
    seen();
  };
  api.object = document('CiliumNetworkPolicy', good, 20);
  seen();
  await until(() => api.valid?.observedGeneration === 30);
  assert.equal(api.valid?.status, 'False');
  // Its end, before anything was sent.
  const sent = api.requests.length;
  api.object = document('CiliumNetworkPolicy', good, 40);
  seen();
  learn(null, api.object);
  await delay(100);
  assert.equal(api.requests.length, sent);
});

test('agents that differ do not fight: who reads more has the last word', () => {
  const judged = (generation: number, by: unknown): PolicyDocument => {
    const object = document('CiliumNetworkPolicy', good, 7);
    const { conditions } = statusOf(object, [], now);
    const [valid] = conditions as [Condition];
    return { ...object, status: { conditions: [{ ...valid, observedGeneration: generation }], reader: by as number } };
  };
  assert.equal(isJudged(judged(7, reader)), true);
  assert.equal(isJudged(judged(7, reader + 1)), true);
  assert.equal(isJudged(judged(7, reader - 1)), false);
  assert.equal(isJudged(judged(6, reader + 1)), false);
  assert.equal(isJudged(judged(7, 'x')), false);
  for (const status of [undefined, {}, { conditions: 'x' }, { conditions: [null] }, { conditions: [], reader }]) {
    assert.equal(isJudged({ ...document('CiliumNetworkPolicy', good), status: status as never }), false);
  }
});

test('conditions of others stay, and the time is that of the last change', () => {
  const other = { type: 'Other', status: 'True' } as Condition;
  const later = (): Date => new Date('2031-01-01T00:00:00Z');
  const object = document('CiliumNetworkPolicy', good);
  const first = statusOf({ ...object, status: { conditions: [other] } }, [], now);
  assert.deepEqual([first.conditions[0], first.conditions.length], [other, 2]);
  assert.equal(
    statusOf({ ...object, status: first }, [], later).conditions[1]?.lastTransitionTime,
    '2030-01-02T03:04:05Z',
  );
  const changed = statusOf({ ...object, status: first }, [{ path: 'spec', problem: 'x' }], later);
  assert.equal(changed.conditions[1]?.lastTransitionTime, '2031-01-01T00:00:00Z');
});

test('a message names all problems that there is room for, and counts the others', () => {
  assert.equal(
    messageOf([
      { path: '', problem: 'a' },
      { path: 'b', problem: 'c' },
    ]),
    'nothing is allowed by it until this is mended: a; b: c',
  );
  const many = Array.from({ length: 500 }, (_, index) => ({
    path: `spec.ingress[${index}].toPorts`,
    problem: 'not supported',
  }));
  assert.ok(messageOf(many).length <= 1000);
  const named = messageOf(many).match(/not supported/g)?.length ?? 0;
  assert.match(messageOf(many), new RegExp(`; and ${500 - named} more$`));
  assert.ok(messageOf([{ path: 'x'.repeat(100_000), problem: 'y' }]).length <= 1000);
});

test('an event has a name of its object and generation, whatever the name of the object', () => {
  const event = (name: string, generation: number) => {
    const object = { ...document('CiliumNetworkPolicy', broken, generation) };
    object.metadata = { ...object.metadata, name };
    const parsed: ParsedPolicy = parsePolicy(object);
    return eventOf(parsed, object, now);
  };
  assert.equal(event('a', 1).metadata.name, event('a', 1).metadata.name);
  assert.notEqual(event('a', 1).metadata.name, event('a', 2).metadata.name);
  for (const name of ['a', `${'a'.repeat(199)}.b`, `${'a.'.repeat(126)}a`]) {
    assert.match(
      event(name, 1).metadata.name,
      /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    );
  }
});

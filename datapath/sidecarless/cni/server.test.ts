import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LabError } from '../../../clusters/error.ts';
import { CniError, cniCodes } from './cni-error.ts';
import type { CniHandler } from './handler.ts';
import { type CniOutcome, serveCni } from './server.ts';

type Answer = { exitCode: number; value: Record<string, unknown> | null };

function requestLine(more: object = {}): string {
  const config = { cniVersion: '1.0.0', name: 'lab', type: 'lab-sidecarless' };
  const request = {
    command: 'ADD',
    containerId: 'c1',
    netns: '/run/netns/c1',
    ifname: 'eth0',
    args: '',
    path: '',
    config,
  };
  return `${JSON.stringify({ ...request, ...more })}\n`;
}

async function send(path: string, line: string): Promise<Answer> {
  const socket = connect(path);
  socket.write(line);
  const text = Buffer.concat(await socket.toArray()).toString();
  assert.ok(text.endsWith('\n'), `broken off: ${text}`);
  return { exitCode: Number(text[0]), value: text.length > 2 ? JSON.parse(text.slice(1)) : null };
}

/** A server in a directory of its own, with what it told of its requests. */
async function served(t: TestContext, handler: CniHandler, timeLimitSeconds = 10) {
  const directory = await mkdtemp(join(tmpdir(), 'lab-cni-server-'));
  const path = join(directory, 'agent.sock');
  const stop = new AbortController();
  const outcomes: CniOutcome[] = [];
  const { closed } = await serveCni({
    socketPath: path,
    handler,
    timeLimitSeconds,
    signal: stop.signal,
    onRequest: (outcome) => outcomes.push(outcome),
  });
  t.after(async () => {
    stop.abort();
    await closed;
    await rm(directory, { recursive: true });
  });
  return { directory, path, stop, closed, outcomes };
}

/** A handler whose requests wait for `finish`, with the order in which they began. */
function held() {
  const begun: string[] = [];
  const finishes = new Map<string, () => void>();
  const changes = new EventTarget();
  const handler: CniHandler = async ({ command, containerId }) => {
    const name = `${command} ${containerId}`;
    begun.push(name);
    changes.dispatchEvent(new Event('begun'));
    await new Promise<void>((resolve) => finishes.set(name, resolve));
    return { by: name };
  };
  const hasBegun = async (count: number): Promise<void> => {
    while (begun.length < count) await once(changes, 'begun');
  };
  return { handler, begun, hasBegun, finish: (name: string) => finishes.get(name)?.() };
}

test('only its owner may connect, and a socket that was left is replaced', async (t) => {
  const { directory, path, stop, closed } = await served(t, async () => ({ ok: true }));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(directory), ['agent.sock']);
  const other = new AbortController();
  const second = await serveCni({ socketPath: path, handler: async () => ({ second: true }), signal: other.signal });
  assert.deepEqual((await send(path, requestLine())).value, { second: true });
  stop.abort();
  await closed;
  assert.deepEqual((await send(path, requestLine())).value, { second: true }, "the first one's end takes it away");
  other.abort();
  await second.closed;
  assert.deepEqual(await readdir(directory), []);
  await writeFile(path, 'left');
  const third = new AbortController();
  const last = await serveCni({ socketPath: path, handler: async () => null, signal: third.signal });
  assert.deepEqual(await send(path, requestLine()), { exitCode: 0, value: null });
  third.abort();
  await last.closed;
});

test('requests of one container wait for each other, those of others do not', async (t) => {
  const { handler, begun, hasBegun, finish } = held();
  const { path } = await served(t, handler);
  const add = send(path, requestLine());
  await hasBegun(1);
  const remove = send(path, requestLine({ command: 'DEL' }));
  const other = send(path, requestLine({ containerId: 'c2' }));
  await hasBegun(2);
  assert.deepEqual(begun, ['ADD c1', 'ADD c2']);
  finish('ADD c2');
  assert.deepEqual((await other).value, { by: 'ADD c2' });
  finish('ADD c1');
  await add;
  await hasBegun(3);
  finish('DEL c1');
  assert.deepEqual((await remove).value, { by: 'DEL c1' });
});

test('a request that takes too long fails, is told so, and keeps its turn until it has ended', async (t) => {
  const { handler, begun, hasBegun, finish } = held();
  let aborted = false;
  const { path } = await served(
    t,
    (request, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return handler(request, signal);
    },
    2,
  );
  const late = await send(path, requestLine());
  assert.deepEqual([late.exitCode, late.value?.code, aborted], [1, 11, true]);
  assert.match(String(late.value?.msg), /ADD of sandbox c1 took more than 2 s/);
  const waiting = await send(path, requestLine({ command: 'DEL' }));
  assert.equal(waiting.value?.code, 11);
  assert.deepEqual(begun, ['ADD c1']);
  finish('ADD c1');
  const next = send(path, requestLine({ command: 'DEL' }));
  await hasBegun(2);
  finish('DEL c1');
  assert.equal((await next).exitCode, 0);
});

test('a pod whose runtime has gone is given up', async (t) => {
  const given = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const { path } = await served(t, (_request, signal) => {
    signal.addEventListener('abort', () => given.resolve());
    began.resolve();
    return given.promise.then(() => null);
  });
  const socket = connect(path);
  socket.write(requestLine());
  await began.promise;
  socket.destroy();
  await given.promise;
});

test('the end finishes what is under way, turns the rest away, and leaves no socket', async (t) => {
  const { handler, hasBegun, finish } = held();
  const { directory, path, stop, closed } = await served(t, handler);
  const idle = connect(path);
  await once(idle, 'connect');
  const ended = once(idle, 'close');
  const add = send(path, requestLine());
  await hasBegun(1);
  stop.abort();
  await ended;
  await assert.rejects(async () => {
    for (;;) await send(path, requestLine({ containerId: 'c3' }));
  });
  finish('ADD c1');
  assert.deepEqual((await add).value, { by: 'ADD c1' });
  await closed;
  assert.deepEqual(await readdir(directory), []);
});

test('what cannot be used is refused with the code of the specification', async (t) => {
  const { path, outcomes } = await served(t, async () => assert.fail('it was called'));
  const config = { cniVersion: '1.0.0', name: 'lab', type: 'lab-sidecarless' };
  const cases: [line: string, code: number, message: RegExp][] = [
    ['{"command":"ADD","config":{"a":[}}\n', 6, /is not JSON/],
    ['\n', 6, /is not JSON/],
    [requestLine({ command: 'GC' }), 4, /^CNI_COMMAND cannot be used/],
    [requestLine({ containerId: '../x' }), 4, /^CNI_CONTAINERID cannot be used/],
    [requestLine({ netns: '/run/x y' }), 4, /^CNI_NETNS cannot be used/],
    [requestLine({ netns: '/run/x\nlink' }), 4, /^CNI_NETNS cannot be used/],
    [requestLine({ ifname: 'eth0 up' }), 4, /^CNI_IFNAME cannot be used/],
    [requestLine({ ifname: 'much-too-long-name' }), 4, /^CNI_IFNAME cannot be used/],
    [requestLine({ unknown: 1 }), 4, /unknown/],
    [requestLine({ config: { ...config, cniVersion: '0.3.1' } }), 1, /^config.cniVersion of the request/],
    [requestLine({ config: { ...config, name: '' } }), 7, /^config.name of the request/],
    [requestLine({ config: [] }), 7, /^config of the request/],
  ];
  for (const [line, code, message] of cases) {
    const { exitCode, value } = await send(path, line);
    assert.deepEqual([exitCode, value?.code, value?.cniVersion], [1, code, '1.0.0'], line);
    assert.match(`${value?.msg}`, message, line);
  }
  assert.equal(outcomes.length, cases.length);
  assert.ok(outcomes.every(({ error }) => error !== null));
});

test("a handler's errors keep their words, remedies and version", async (t) => {
  const failures = [
    new CniError(cniCodes.tryAgainLater, 'not yet', 'wait'),
    new LabError('LAB_POD_ADDRESSES_EXHAUSTED', { message: 'All are in use', remedy: 'Delete pods.' }),
    new Error('odd'),
  ];
  const { path } = await served(t, async () => {
    throw failures.shift();
  });
  const config = { cniVersion: '0.4.0', name: 'lab', type: 'lab-sidecarless' };
  const answers: unknown[] = [];
  for (let round = 0; round < 3; round++) answers.push((await send(path, requestLine({ config }))).value);
  assert.deepEqual(answers, [
    { cniVersion: '0.4.0', code: 11, msg: 'not yet', details: 'wait' },
    { cniVersion: '0.4.0', code: 100, msg: 'All are in use', details: 'Delete pods.' },
    { cniVersion: '0.4.0', code: 100, msg: 'odd', details: '' },
  ]);
});

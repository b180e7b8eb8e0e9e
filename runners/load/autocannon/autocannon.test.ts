import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tryExec } from '../../../clusters/exec.ts';
import { makePrograms } from '../../../clusters/tools/make.ts';
import { loadPrograms } from '../programs.ts';

const body = 'x'.repeat(100);
const seen = { requests: 0, connections: 0, bytesReceived: 0, bytesSent: 0 };
const server = createServer((request, response) => {
  seen.requests += 1;
  response.statusCode = request.url === '/broken' ? 503 : 200;
  response.end(body);
});
server.on('connection', (socket) => {
  seen.connections += 1;
  socket.on('close', () => {
    seen.bytesReceived += socket.bytesRead;
    seen.bytesSent += socket.bytesWritten;
  });
});
let folder = '';

before(async () => {
  const artefact = loadPrograms.find(({ name }) => name === 'autocannon');
  assert.ok(artefact !== undefined);
  folder = await mkdtemp(join(tmpdir(), 'lab-autocannon-'));
  await makePrograms(artefact, folder, { signal: new AbortController().signal, progress: () => undefined });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

/** Events of one load on the server. */
async function send(changes: object, path = '/'): Promise<Record<string, unknown>[]> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const load = {
    url,
    connections: 5,
    workers: 2,
    warmupSeconds: 0.1,
    durationSeconds: 0.3,
    timeoutSeconds: 5,
    ...changes,
  };
  const { stdout } = await tryExec(process.execPath, [join(folder, 'autocannon.mjs')], { input: JSON.stringify(load) });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('what it says that it sent is what arrived, to the byte, with the last answers waited for', async () => {
  Object.assign(seen, { requests: 0, connections: 0, bytesReceived: 0, bytesSent: 0 });
  const events = await send({});
  assert.deepEqual(
    events.map(({ event }) => event),
    ['window-begin', 'window-end', 'result'],
  );
  const result = events.at(-1) as {
    requests: number;
    bytesReceived: number;
    totals: typeof seen;
    windowSeconds: number;
  };
  const { requests, connections, bytesSent, bytesReceived } = seen;
  assert.deepEqual(result.totals, { requests, connections, bytesSent: bytesReceived, bytesReceived: bytesSent });
  assert.equal(connections, 5);
  assert.ok(result.requests > 0 && result.requests < requests, `${result.requests} of ${requests}`);
  assert.ok(result.windowSeconds >= 0.3);
  assert.ok(result.bytesReceived >= result.requests * body.length);
});

test('more workers than connections are as many as these', async () => {
  const totals = (await send({ connections: 1, workers: 4 })).at(-1)?.totals as typeof seen;
  assert.equal(totals.connections, 1);
});

test('answers that are not good are no requests, but failures of their kind', async () => {
  const result = (await send({ connections: 2, workers: 1 }, '/broken')).at(-1);
  const { count, kinds } = result?.errors as { count: number; kinds: Record<string, number> };
  assert.equal(result?.requests, 0);
  assert.ok(count > 0);
  assert.deepEqual(kinds, { status: count });
});

test('a load that is none is refused with what is wrong', async () => {
  const [told] = await send({ connections: 0 });
  assert.equal(told?.event, 'error');
  assert.match(String(told?.message), /connections/);
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { httpProbe, resolvePort, tcpProbe } from './probe-request.ts';
import { probeContainer } from './probing.ts';

const container = { name: 'c', ports: [{ name: 'web', containerPort: 81 }] };

async function withServer<T>(status: number, use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    if (request.url === '/slow') return;
    response.writeHead(status, { location: '/elsewhere' }).end(request.headers['x-probe'] ?? 'why not');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('HTTP answers from 200 to 399 are healthy', async () => {
  const target = { podIp: '127.0.0.1', container, timeoutSeconds: 10 };
  for (const [status, success] of [
    [200, true],
    [302, true],
    [400, false],
    [503, false],
  ] as const) {
    const result = await withServer(status, (port) => httpProbe({ port, path: '/x' }, target));
    assert.equal(result.success, success, String(status));
    if (!success) assert.equal(result.message, `HTTP probe failed with statuscode: ${status}`);
  }
});

test('a silent server and a closed port are unhealthy', async () => {
  const target = { podIp: '127.0.0.1', container, timeoutSeconds: 10 };
  const hasty = { ...target, timeoutSeconds: 0.1 };
  const silent = await withServer(200, (port) => httpProbe({ port, path: '/slow' }, hasty));
  assert.match(silent.message, /context deadline exceeded/);
  const closed = await withServer(200, async (port) => port);
  assert.match((await httpProbe({ port: closed }, target)).message, /connect: connection refused$/);
  assert.equal((await tcpProbe({ port: closed }, target)).success, false);
  assert.equal((await withServer(200, (port) => tcpProbe({ port }, target))).success, true);
});

test('ports are numbers or names', () => {
  assert.deepEqual(
    [resolvePort(80, container), resolvePort('8080', container), resolvePort('web', container)],
    [80, 8080, 81],
  );
});

test('readiness waits for the startup probe; liveness kills after its threshold', async () => {
  const seen: string[] = [];
  const over = new AbortController();
  const results = { startup: [false, true], ready: [true], live: [true, false, false] };
  const probe = (name: keyof typeof results) => ({
    periodSeconds: 0.01,
    failureThreshold: 2,
    exec: { command: [name] },
  });
  await probeContainer(
    { startupProbe: probe('startup'), readinessProbe: probe('ready'), livenessProbe: probe('live') },
    async ({ exec }) => {
      const name = exec?.command?.[0] as keyof typeof results;
      return { success: results[name].shift() ?? name === 'ready', message: name };
    },
    {
      onStarted: () => seen.push('started'),
      onReady: (ready) => seen.push(`ready ${ready}`),
      onFailedProbe: (kind) => seen.push(`${kind} failed`),
      onUnhealthy: (kind) => {
        seen.push(`${kind} unhealthy`);
        over.abort();
      },
    },
    { running: over.signal, stopping: new AbortController().signal, startedAtMs: Date.now() },
  );
  assert.deepEqual(seen, [
    'Startup failed',
    'started',
    'ready true',
    'Liveness failed',
    'Liveness failed',
    'Liveness unhealthy',
  ]);
});

test('a startup probe that fails for good leads to no readiness', async () => {
  const seen: string[] = [];
  await probeContainer(
    { startupProbe: { periodSeconds: 0.01, failureThreshold: 1 } },
    async () => ({ success: false, message: '' }),
    {
      onStarted: () => seen.push('started'),
      onReady: () => seen.push('ready'),
      onFailedProbe: () => undefined,
      onUnhealthy: (kind) => seen.push(`${kind} unhealthy`),
    },
    { running: new AbortController().signal, stopping: new AbortController().signal, startedAtMs: Date.now() },
  );
  assert.deepEqual(seen, ['Startup unhealthy']);
});

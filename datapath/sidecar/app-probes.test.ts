import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type AppProbe, appProbeHandler } from './app-probes.ts';

const seen: { url: string; from: string; header: string }[] = [];
const application = createServer((request, response) => {
  const { url = '', socket, headers } = request;
  seen.push({ url, from: socket.remoteAddress ?? '', header: String(headers['x-own']) });
  if (url === '/hangs') return;
  response.writeHead(url === '/healthy' ? 204 : 503).end();
});
let agent: ReturnType<typeof createServer>;
let agentUrl = '';

before(async () => {
  const listen = (server: ReturnType<typeof createServer>) =>
    new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  const port = await listen(application);
  const http = (path: string, timeoutSeconds = 10): AppProbe => ({
    timeoutSeconds,
    check: { kind: 'http', scheme: 'HTTP', port, path, headers: [{ name: 'x-own', value: '1' }] },
  });
  const probes: Record<string, AppProbe> = {
    '/app-health/a/livez': http('/healthy'),
    '/app-health/a/readyz': http('/ill'),
    '/app-health/a/startupz': http('/hangs', 0.2),
    '/app-health/b/livez': { timeoutSeconds: 10, check: { kind: 'tcp', port } },
    '/app-health/b/readyz': { timeoutSeconds: 10, check: { kind: 'tcp', port: 1 } },
  };
  const handle = appProbeHandler(probes, '127.0.0.1');
  agent = createServer((request, response) => void handle(request, response));
  agentUrl = `http://127.0.0.1:${await listen(agent)}`;
});
after(() => {
  application.closeAllConnections();
  application.close();
  agent.close();
});

const status = async (path: string): Promise<number> => {
  const response = await fetch(`${agentUrl}${path}`);
  await response.text();
  return response.status;
};

test("an HTTP probe's answer is the application's, asked with its own headers from the address that passes", async () => {
  assert.equal(await status('/app-health/a/livez'), 204);
  assert.equal(await status('/app-health/a/readyz'), 503);
  assert.deepEqual(seen[0], { url: '/healthy', from: '127.0.0.6', header: '1' });
});

test('an application that does not answer in time has failed', async () => {
  assert.equal(await status('/app-health/a/startupz'), 500);
});

test('a TCP probe is whether a connection opens', async () => {
  assert.equal(await status('/app-health/b/livez'), 200);
  assert.equal(await status('/app-health/b/readyz'), 500);
});

test('other paths are not served', async () => {
  assert.equal(await status('/app-health/c/livez'), 404);
  assert.equal(await status('/healthz'), 200);
});

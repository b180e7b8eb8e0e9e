import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { grpcProbe } from './grpc.ts';

const server = new Server();
let port = 0;

before(async () => {
  // HealthCheckRequest and HealthCheckResponse, byte for byte: 0x0a, length, name; 0x08, status.
  const answers: Record<string, number[]> = { '': [0x08, 1], down: [0x08, 2], vague: [] };
  server.register(
    '/grpc.health.v1.Health/Check',
    ({ request }: { request: Buffer }, respond: (error: object | null, answer?: Buffer) => void) => {
      const service = request.subarray(2).toString();
      assert.deepEqual([...request.subarray(0, 2)], service === '' ? [] : [0x0a, service.length]);
      const answer = answers[service];
      if (service === 'slow') return;
      if (answer === undefined) respond({ code: status.NOT_FOUND, details: 'unknown service' });
      else respond(null, Buffer.from(answer));
    },
    (answer: Buffer) => answer,
    (request: Buffer) => request,
    'unary',
  );
  port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) => (error ? reject(error) : resolve(bound));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), done);
  });
});
after(() => server.forceShutdown());

const probe = (service: string, timeoutSeconds: number, at = port) =>
  grpcProbe({ port: at, service }, { podIp: '127.0.0.1', timeoutSeconds });

test('a service that serves is healthy, and every other answer says what it was', async () => {
  assert.deepEqual(await probe('', 10), { success: true, message: '' });
  const messages = await Promise.all(
    ['down', 'vague', 'other', 'slow'].map(async (name) => (await probe(name, name === 'slow' ? 1 : 10)).message),
  );
  assert.deepEqual(messages, [
    'service unhealthy (responded with "NOT_SERVING")',
    'service unhealthy (responded with "UNKNOWN")',
    'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service',
    'timeout: health rpc did not complete within 1s',
  ]);
});

test('where nobody listens it cannot connect', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port: free } = taken.address() as { port: number };
  taken.close();
  assert.deepEqual(await probe('', 1, free), {
    success: false,
    message: `timeout: failed to connect service "127.0.0.1:${free}" within 1s: context deadline exceeded`,
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { answers } from './official-image.ts';

for (const [what, status, expected] of [
  ['asks for a login', 401, true],
  ['lets everybody in', 200, true],
  ['is something else', 404, false],
] as const) {
  test(`an address that ${what} ${expected ? 'is' : 'is not'} taken for an image registry`, async (t) => {
    const server = createServer((_, response) => response.writeHead(status).end('{}'));
    server.listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await answers(`http://127.0.0.1:${port}/v2/`, t.signal), expected);
  });
}

test('where nothing listens there is no image registry, and an interruption is none', async (t) => {
  assert.equal(await answers('http://127.0.0.1:1/v2/', t.signal), false);
  await assert.rejects(answers('http://127.0.0.1:1/v2/', AbortSignal.abort()), { name: 'AbortError' });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { testFlow } from '../tests/test-flow.ts';
import { FlowBuffer } from './flow-buffer.ts';
import { readFlowParameters } from './flow-parameters.ts';
import { type FlowStreamLine, streamFlows } from './flow-stream.ts';

const flows = new FlowBuffer(8);
let lost = 0;
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '', 'http://agent');
  streamFlows(response, readFlowParameters(searchParams), { flows, agent: 'me', lostEvents: () => lost }).catch(
    (error: Error) => response.writeHead(400).end(error.message),
  );
});

/** Port 80 of even flows, 81 of odd ones. */
function push(count: number): void {
  for (let index = 0; index < count; index++) flows.push(testFlow({ ports: [4000, 80 + ((flows.latest + 1) % 2)] }));
}

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

/** The lines of an answer, until it ends or `enough` of them are there; signs of life are left out. */
async function ask(
  query: string,
  enough = Number.POSITIVE_INFINITY,
  meanwhile?: () => void,
): Promise<FlowStreamLine[]> {
  const { port } = server.address() as AddressInfo;
  const stop = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/flows?${query}`, { signal: stop.signal });
  assert.equal(response.status, 200, query);
  const lines: FlowStreamLine[] = [];
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const all = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = all.pop() ?? '';
    const parsed = all.map((text) => JSON.parse(text) as FlowStreamLine);
    if (lines.length === 0) meanwhile?.();
    lines.push(...parsed.filter((line) => 'agent' in line || 'flow' in line || 'lost' in line || 'lostEvents' in line));
    if (lines.length >= enough) break;
  }
  stop.abort();
  return lines;
}

const numbers = (lines: readonly FlowStreamLine[]): unknown[] =>
  lines.map((line) => ('lostEvents' in line ? line : 'lost' in line ? -line.lost : line.sequence));

test('the last that are asked for, after who tells them', async () => {
  push(10);
  const all = await ask('');
  assert.deepEqual(all[0], { agent: 'me', sequence: 10 });
  assert.deepEqual(numbers(all.slice(1)), [3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(numbers((await ask('last=2')).slice(1)), [9, 10]);
  assert.deepEqual(numbers((await ask('last=2&port=80')).slice(1)), [8, 10]);
  assert.deepEqual(numbers((await ask('last=0')).slice(1)), []);
  assert.deepEqual(numbers((await ask('last=5&verdict=dropped')).slice(1)), []);
});

test('who comes back goes on where it was, and is told what it missed', async () => {
  assert.deepEqual(numbers((await ask('agent=me&after=8')).slice(1)), [9, 10]);
  assert.deepEqual(numbers((await ask('agent=me&after=1')).slice(1)), [-1, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(numbers((await ask('agent=me&after=8&port=81')).slice(1)), [9]);
  const fromOther = await ask('agent=another&after=9');
  assert.deepEqual(fromOther[0], { agent: 'me', sequence: 0 });
  assert.deepEqual(numbers(fromOther.slice(2)), [3, 4, 5, 6, 7, 8, 9, 10]);
});

test('who follows gets what comes, and what the kernel lost', async () => {
  const followed = await ask('last=1&follow=true&port=81', 5, () => {
    push(3);
    lost += 7;
  });
  assert.deepEqual(numbers(followed.slice(1)), [9, 11, 13, { lostEvents: 7 }]);
});

test('a filter that can match nothing is refused', async () => {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/flows?verdict=DENIED`);
  assert.deepEqual([response.status, await response.text()], [400, '"DENIED" is no verdict']);
});

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import type { FlowLine } from '../../datapath/flow-query.ts';
import { type ShowFlowsOptions, showFlows } from './show-flows.ts';

const flow = (second: number): FlowLine => ({
  kind: 'flow',
  time: `2026-01-01T00:00:0${second}.000000000Z`,
  text: `flow ${second}`,
  json: { second },
});

type Source = ShowFlowsOptions['sources'][number];

/** A node that has these lines to tell, and then waits for the signal if there is one. */
function node(lines: readonly FlowLine[], signal?: AbortSignal): Source {
  return async (tell) => {
    for (const line of lines) tell(line);
    if (signal === undefined || signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
}

async function show(options: Partial<ShowFlowsOptions>): Promise<{ code: number; out: string[]; err: string[] }> {
  const written = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  const code = await showFlows({
    sources: [],
    last: 20,
    follow: false,
    json: false,
    signal: new AbortController().signal,
    stdout: sink('out'),
    stderr: sink('err'),
    ...options,
  });
  const lines = (text: string) => text.split('\n').slice(0, -1);
  return { code, out: lines(written.out), err: lines(written.err) };
}

test('flows of several nodes are one list, of which the last are printed', async () => {
  const sources = [node([flow(1), flow(4)]), node([flow(2), flow(3)])];
  assert.deepEqual(await show({ sources, last: 3 }), { code: 0, out: ['flow 2', 'flow 3', 'flow 4'], err: [] });
  assert.deepEqual((await show({ sources })).out, ['flow 1', 'flow 2', 'flow 3', 'flow 4']);
  assert.deepEqual((await show({ sources, last: 0 })).out, []);
  assert.deepEqual((await show({ sources, last: 1, json: true })).out, ['{"second":4}']);
});

test('notices go to standard error, and a node that cannot be asked ends it', async () => {
  const notice: FlowLine = { kind: 'notice', text: 'node-2 is gone' };
  assert.deepEqual(await show({ sources: [node([notice, flow(1)])] }), {
    code: 0,
    out: ['flow 1'],
    err: ['lab: node-2 is gone'],
  });
  const broken: Source = () => Promise.reject(new Error('no agent'));
  await assert.rejects(show({ sources: [broken, node([flow(1)])] }), /no agent/);
});

test('who follows gets them as they come, in order, until the interruption', async () => {
  const interruption = new AbortController();
  const { signal } = interruption;
  const late: Source = async (tell) => {
    await node([flow(2)])(tell);
    await new Promise((resolve) => setTimeout(resolve, 150));
    tell(flow(1));
    await node([flow(5)], signal)(tell);
  };
  setTimeout(() => interruption.abort(), 800);
  const { code, out } = await show({ sources: [late, node([flow(3)], signal)], follow: true, last: 0, signal });
  assert.deepEqual(out, ['flow 1', 'flow 2', 'flow 3', 'flow 5']);
  assert.equal(code, 130);
});

test('what breaks because of the interruption is no error', async () => {
  const interruption = new AbortController();
  const { signal } = interruption;
  const breaking: Source = async (tell) => {
    await node([flow(1)], signal)(tell);
    throw new Error('aborted');
  };
  setTimeout(() => interruption.abort(), 50);
  assert.deepEqual(await show({ sources: [breaking], follow: true, signal }), { code: 130, out: ['flow 1'], err: [] });
});

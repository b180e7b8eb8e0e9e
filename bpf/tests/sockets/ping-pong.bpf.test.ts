import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { type Process, startProcess } from '../../../clusters/process.ts';
import { startNode, type TestNode } from './test-node.ts';

/**
 * How many pairs of measurements, and how long each one takes. One shows that both ways carry the load; for ratios to
 * rely on ask for ten, on a quiet machine.
 */
const blocks = Number(process.env.LAB_PING_PONG_BLOCKS ?? 1);
const blockSeconds = 1;
const port = 7000;

const Result = z.object({ count: z.int(), seconds: z.number(), p50: z.number(), p90: z.number(), p99: z.number() });
type Result = z.infer<typeof Result>;
type Ratios = { rate: number; p50: number; p90: number };

testInNamespaces(import.meta.filename, () => {
  let node: TestNode;
  let program = '';
  let server: Process;

  before(async () => {
    node = await startNode('client', 'server');
    program = '/run/ping-pong';
    await exec('gcc', ['-O2', '-Wall', '-Wextra', '-o', program, join(import.meta.dirname, 'ping-pong.c')]);
    server = startIn('server', ['serve', `${port}`]);
    await new Promise((resolve) => server.stdout?.once('data', resolve));
  });
  after(async () => {
    server.kill('SIGKILL');
    await server.ended;
    await node.end();
  });

  describe('the short-cut against packets, in pairs that take turns', () => {
    for (const connections of [1, 16]) {
      for (const bytes of [128, 16_384]) {
        test(`${connections} connections, ${bytes} bytes there and back`, { timeout: 300_000 }, async (t) => {
          const ratios: Ratios[] = [];
          for (let block = 0; block < blocks; block++) {
            const order = block % 2 === 0 ? [true, false] : [false, true];
            const results = new Map<boolean, Result>();
            for (const shortcut of order) results.set(shortcut, await measure(shortcut, connections, bytes));
            const [on, off] = [results.get(true), results.get(false)];
            if (on === undefined || off === undefined) throw new Error('a measurement is missing');
            ratios.push({ rate: on.count / off.count, p50: on.p50 / off.p50, p90: on.p90 / off.p90 });
          }
          const [rate, p50, p90] = [median(ratios, 'rate'), median(ratios, 'p50'), median(ratios, 'p90')];
          t.diagnostic(`rate ${rate.toFixed(3)} x, p50 ${p50.toFixed(3)} x, p90 ${p90.toFixed(3)} x`);
        });
      }
    }
  });

  async function measure(shortcut: boolean, connections: number, bytes: number): Promise<Result> {
    node.maps.configure({ shortcut });
    const before = node.maps.carried().packets;
    const child = startIn('client', ['ask', node.pod('server').v4, port, connections, blockSeconds, bytes].map(String));
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    assert.equal((await child.ended).exitCode, 0);
    const result = Result.parse(JSON.parse(output));
    assert.ok(result.count > 0, 'nothing was answered');
    const carried = node.maps.carried().packets - before;
    assert.ok(shortcut ? carried >= result.count : carried === 0, `the short-cut carried ${carried} messages`);
    return result;
  }

  function startIn(pod: string, args: readonly string[]): Process {
    const script = 'echo 0 > "$0/cgroup.procs" && exec nsenter --net="$@"';
    return startProcess('sh', ['-c', script, node.cgroup, node.pod(pod).netns, program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }
});

function median(ratios: readonly Ratios[], name: keyof Ratios): number {
  const sorted = ratios.map((ratio) => ratio[name]).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

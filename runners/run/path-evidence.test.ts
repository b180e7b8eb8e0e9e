import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import { checkPath } from './path-evidence.ts';
import { planTestCases } from './plan.ts';
import { loadScenario } from './scenario.ts';

const traffic = { requests: 0, connections: 3, bytesSent: 0, bytesReceived: 1_000_000 };
const besides = { requests: 0, connections: 0, bytesSent: 1000, bytesReceived: 5000 };

/** A bulk test case through a sidecar at l4, which counts every byte. */
async function bulkCase() {
  const cases = planTestCases(await loadScenario('throughput'), {
    pools: [poolOf('sidecar', 'sidecar')],
    profiles: ['l4'],
    placements: ['cross-node'],
  });
  const planned = cases.find(({ id }) => id === 'sidecar/l4/none/cross-node/bulk/streams=1');
  assert.ok(planned !== undefined);
  return planned;
}

test('bytes that a generator does not count exactly are claimed between both ends, connections exactly', async () => {
  const planned = await bulkCase();
  const expected = (sent: Parameters<typeof checkPath>[2]) =>
    new Map(checkPath(planned, {}, sent).map(({ counter, expected }) => [counter, expected]));
  const loose = expected({ traffic, besides, arrived: {} });
  assert.equal(loose.get('server-envoy/bytes-sent'), '1000000 to 1005000');
  assert.equal(loose.get('client-envoy/bytes-sent'), '0 to 1000');
  assert.equal(loose.get('client-envoy/connections'), '3');
  const exact = expected({ traffic, besides: null, arrived: {} });
  assert.equal(exact.get('server-envoy/bytes-sent'), '1000000');
});

test('what the far end says that it sent is part of the evidence', async () => {
  const planned = await bulkCase();
  const held = (sent: number) =>
    checkPath(planned, {}, { traffic, besides, arrived: { 'iperf3-server/bytes-sent': sent } }).find(
      ({ counter }) => counter === 'iperf3-server/bytes-sent',
    )?.held;
  assert.deepEqual([held(1_000_000), held(999_999)], [true, false]);
});

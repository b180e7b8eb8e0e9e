import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatistics, sumOf } from './statistics.ts';

test('counters and gauges are read by their full names, histograms are not', () => {
  const statistics = parseStatistics(
    'tcp.a.downstream_cx_total: 3\ntcp.b.downstream_cx_total: 4\nhttp.x.time: P0(nan,1) P50(nan,2)\nlistener.0.0.0.0_15006.ssl.handshake: 9007\n',
  );
  assert.deepEqual(
    [...statistics],
    [
      ['tcp.a.downstream_cx_total', 3],
      ['tcp.b.downstream_cx_total', 4],
      ['listener.0.0.0.0_15006.ssl.handshake', 9007],
    ],
  );
  assert.equal(sumOf(statistics, /^tcp\..*_total$/), 7);
});

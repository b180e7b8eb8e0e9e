import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatistics, statistic, sumOf } from './statistics.ts';

const statistics = parseStatistics(
  'tcp.a.downstream_cx_total: 3\ntcp.b.downstream_cx_total: 4\nhttp.x.time: P0(nan,1) P50(nan,2)\nlistener.0.0.0.0_15006.ssl.handshake: 9007\n',
);

test('counters and gauges are read by their full names, histograms are not', () => {
  assert.deepEqual(
    [...statistics],
    [
      ['tcp.a.downstream_cx_total', 3],
      ['tcp.b.downstream_cx_total', 4],
      ['listener.0.0.0.0_15006.ssl.handshake', 9007],
    ],
  );
  assert.equal(statistic(statistics, 'tcp.a.downstream_cx_total'), 3);
  assert.equal(statistic(statistics, 'tcp.a.downstream_cx'), null);
  assert.equal(statistic(null, 'tcp.a.downstream_cx_total'), null);
});

test('a sum has all that match, and is null as soon as one that must be there is not', () => {
  const all = /^tcp\..*_total$/;
  assert.equal(sumOf(statistics, ['tcp.a.downstream_cx_total'], all), 7);
  assert.equal(sumOf(statistics, ['tcp.a.downstream_cx_total', 'tcp.c.downstream_cx_total'], all), null);
  assert.equal(sumOf(statistics, [], /^udp/), 0);
  assert.equal(sumOf(null, [], all), null);
});

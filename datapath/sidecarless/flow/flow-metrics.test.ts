import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { testFlow, testReply, testTranslation } from '../tests/test-flow.ts';
import type { Flow } from './flow.ts';
import { flowMetrics } from './flow-metrics.ts';

/** The samples after these flows, as Prometheus reads them, without those of other metrics than `name`. */
async function samples(name: string, flows: readonly Flow[], lost = 0): Promise<string[]> {
  const registry = new Registry();
  const metrics = flowMetrics(registry);
  for (const flow of flows) metrics.observe(flow);
  if (lost > 0) metrics.lost(lost);
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
}

const denied = { reason: 133, direction: 0 };

test('flows by protocol, type and verdict', async () => {
  const udp = testFlow({ protocol: 17, tcpFlags: 0 });
  const flows = [testFlow(), testFlow(), udp, testFlow({ type: 2, reason: 133 }), testFlow({ type: 3 })];
  assert.deepEqual(await samples('hubble_flows_processed_total', [...flows, testTranslation()]), [
    'hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="from-endpoint",verdict="FORWARDED"} 2',
    'hubble_flows_processed_total{protocol="UDP",type="Trace",subtype="from-endpoint",verdict="FORWARDED"} 1',
    'hubble_flows_processed_total{protocol="TCP",type="Drop",subtype="",verdict="DROPPED"} 1',
    'hubble_flows_processed_total{protocol="TCP",type="PolicyVerdict",subtype="",verdict="FORWARDED"} 1',
    'hubble_flows_processed_total{protocol="TCP",type="TraceSock",subtype="post-xlate-fwd",verdict="TRANSLATED"} 1',
  ]);
});

test('a packet that policy denies is one drop', async () => {
  const flows = [testFlow({ type: 3, ...denied }), testFlow({ type: 2, ...denied })];
  assert.deepEqual(await samples('hubble_drop_total', [...flows, testFlow({ type: 2, reason: 134, protocol: 47 })]), [
    'hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"} 1',
    'hubble_drop_total{reason="INVALID_PACKET_DROPPED",protocol="Unknown flow"} 1',
  ]);
});

test('flags that open and end connections, of packets that went on', async () => {
  const flows = [
    testFlow({ type: 3 }),
    testFlow(),
    testReply(),
    testFlow({ tcpFlags: 0x11, source: 'fd00::1', destination: 'fd00:1::1' }),
    testFlow({ tcpFlags: 0x14 }),
    testFlow({ tcpFlags: 0x18 }),
    testFlow({ type: 2, ...denied }),
  ];
  assert.deepEqual(await samples('hubble_tcp_flags_total', flows), [
    'hubble_tcp_flags_total{flag="SYN",family="IPv4"} 1',
    'hubble_tcp_flags_total{flag="SYN-ACK",family="IPv4"} 1',
    'hubble_tcp_flags_total{flag="FIN",family="IPv6"} 1',
    'hubble_tcp_flags_total{flag="RST",family="IPv4"} 1',
  ]);
});

test("policy verdicts by what matched, but for the node's own traffic", async () => {
  const flows = [
    testFlow({ type: 3, rule: 5 }),
    testFlow({ type: 3, ...denied }),
    testFlow({ type: 3, rule: 77 }),
    testFlow({ type: 3, identities: [1, 300], direction: 0 }),
    testFlow({ type: 3, identities: [300, 4] }),
  ];
  assert.deepEqual(await samples('hubble_policy_verdicts_total', flows), [
    'hubble_policy_verdicts_total{direction="egress",match="l3-l4",action="forwarded"} 1',
    'hubble_policy_verdicts_total{direction="ingress",match="none",action="dropped"} 1',
    'hubble_policy_verdicts_total{direction="egress",match="unknown",action="forwarded"} 1',
  ]);
});

test('lost events are counted', async () => {
  assert.deepEqual(await samples('hubble_lost_events_total', [], 3), [
    'hubble_lost_events_total{source="perf_event_ring_buffer"} 3',
  ]);
});

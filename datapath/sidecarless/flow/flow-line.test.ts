import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testFlow } from '../tests/test-flow.ts';
import { formatCompact } from './compact.ts';
import { flowLine, lostLine } from './flow-line.ts';

const plain = { colour: false, nodeNames: false };

test('a flow is a line for people, and what is set of it in JSON', () => {
  const flow = testFlow();
  const line = flowLine(JSON.parse(JSON.stringify(flow)), plain);
  assert.ok(line.kind === 'flow');
  assert.equal(line.text, formatCompact(flow));
  assert.equal(line.time, flow.time);
  assert.deepEqual(line.json, {
    flow: {
      time: flow.time,
      uuid: flow.uuid,
      verdict: 'FORWARDED',
      IP: { source: '10.0.0.1', destination: '10.0.1.1', ipVersion: 'IPv4' },
      l4: { TCP: { source_port: 31793, destination_port: 8080, flags: { SYN: true } } },
      source: {
        ID: 7,
        identity: 300,
        namespace: 'default',
        labels: ['k8s:app=client'],
        pod_name: 'client-1',
        workloads: [{ kind: 'Pod', name: 'client-1' }],
      },
      destination: {
        identity: 301,
        namespace: 'shop',
        labels: ['k8s:app=web'],
        pod_name: 'web-7d4b9-x2x8q',
        workloads: [{ kind: 'Deployment', name: 'web' }],
      },
      Type: 'L3_L4',
      node_name: 'node-1',
      event_type: { type: 4, sub_type: 5 },
      traffic_direction: 'EGRESS',
      trace_observation_point: 'FROM_ENDPOINT',
      is_reply: false,
      Summary: 'TCP Flags: SYN',
    },
    node_name: 'node-1',
    time: flow.time,
  });
  const named = flowLine(flow, { colour: false, nodeNames: true });
  assert.match(named.text, / \[node-1\]: /);
});

test('what is no flow is refused', () => {
  assert.throws(() => flowLine({ verdict: 'FORWARDED' }, plain), { name: 'ZodError' });
});

test('lost events are said', () => {
  const line = lostLine('node-1', 'HUBBLE_RING_BUFFER', 5);
  assert.ok(line.kind === 'lost');
  assert.equal(line.text, 'EVENTS LOST: HUBBLE_RING_BUFFER NODE(node-1) 5');
  const { lost_events } = line.json as { lost_events: object };
  assert.deepEqual(lost_events, { source: 'HUBBLE_RING_BUFFER', num_events_lost: '5' });
  assert.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]{18}Z$/);
});

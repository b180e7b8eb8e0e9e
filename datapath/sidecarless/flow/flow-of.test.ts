import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testFlow, testReply, testTranslation } from '../tests/test-flow.ts';
import { Flow } from './flow.ts';

test('a forwarded packet has the names that the agent knows', () => {
  assert.deepEqual(testFlow({ rule: 5 }), {
    time: '1970-01-01T00:20:34.567891234Z',
    uuid: '00000000-0000-4000-8000-000000000000',
    verdict: 'FORWARDED',
    drop_reason_desc: null,
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
      ID: null,
      identity: 301,
      namespace: 'shop',
      labels: ['k8s:app=web'],
      pod_name: 'web-7d4b9-x2x8q',
      workloads: [{ kind: 'Deployment', name: 'web' }],
    },
    Type: 'L3_L4',
    node_name: 'node-1',
    event_type: { type: 4, sub_type: 5 },
    destination_service: null,
    source_service: null,
    traffic_direction: 'EGRESS',
    policy_match_type: null,
    trace_observation_point: 'FROM_ENDPOINT',
    is_reply: false,
    sock_xlate_point: null,
    socket_cookie: null,
    egress_allowed_by: [{ kind: 'NetworkPolicy', namespace: 'default', name: 'to-web' }],
    ingress_allowed_by: [],
    egress_denied_by: [],
    ingress_denied_by: [],
    Summary: 'TCP Flags: SYN',
  });
});

test('a reply has the direction of its connection, and what allowed it', () => {
  const flow = testReply({ rule: 5 });
  assert.deepEqual(
    [flow.traffic_direction, flow.is_reply, flow.trace_observation_point, flow.Summary],
    ['EGRESS', true, 'TO_ENDPOINT', 'TCP Flags: SYN, ACK'],
  );
  assert.equal(flow.egress_allowed_by[0]?.name, 'to-web');
  assert.equal(flow.destination.ID, 7);
});

test('a dropped packet says why, and by whom it was denied', () => {
  const denied = testFlow({ type: 2, reason: 181, rule: 6, direction: 0 });
  assert.deepEqual(
    [denied.verdict, denied.drop_reason_desc, denied.event_type, denied.is_reply, denied.trace_observation_point],
    ['DROPPED', 'POLICY_DENY', { type: 1, sub_type: 181 }, null, null],
  );
  assert.deepEqual(denied.ingress_denied_by, [
    { kind: 'CiliumClusterwideNetworkPolicy', namespace: null, name: 'no-web' },
  ]);
  assert.deepEqual([denied.ingress_allowed_by, denied.egress_denied_by], [[], []]);
  const answer = testFlow({ type: 2, reason: 181, rule: 6, direction: 1, isReply: 1 });
  assert.deepEqual([answer.traffic_direction, answer.ingress_denied_by[0]?.name], ['EGRESS', 'no-web']);
  const invalid = testFlow({ type: 2, reason: 134, rule: 5 });
  assert.deepEqual([invalid.egress_allowed_by, invalid.egress_denied_by], [[], []]);
  assert.equal(testFlow({ type: 2, reason: 222 }).drop_reason_desc, '222');
});

test('a policy verdict says what matched', () => {
  const verdict = (event: { rule?: number; reason?: number }) => {
    const flow = testFlow({ type: 3, ...event });
    assert.deepEqual(flow.event_type, { type: 5, sub_type: 0 });
    return [flow.verdict, flow.drop_reason_desc, flow.policy_match_type, flow.is_reply];
  };
  assert.deepEqual(verdict({ rule: 5 }), ['FORWARDED', null, 2, false]);
  assert.deepEqual(verdict({ rule: 6, reason: 181 }), ['DROPPED', 'POLICY_DENY', 3, null]);
  assert.deepEqual(verdict({ reason: 133 }), ['DROPPED', 'POLICY_DENIED', 0, null]);
  assert.deepEqual(verdict({}), ['FORWARDED', null, 4, false]);
  assert.deepEqual(verdict({ rule: 77 }), ['FORWARDED', null, null, false]);
});

test('a translation says which pod asked for which service', () => {
  const flow = testTranslation();
  assert.deepEqual(
    [flow.Type, flow.verdict, flow.is_reply, flow.sock_xlate_point, flow.socket_cookie, flow.Summary],
    ['SOCK', 'TRANSLATED', null, 'SOCK_XLATE_POINT_POST_DIRECTION_FWD', '99', 'TCP'],
  );
  assert.deepEqual(flow.IP, { source: null, destination: '10.0.1.1', ipVersion: 'IPv4' });
  assert.deepEqual(flow.l4, { TCP: { source_port: null, destination_port: 8080, flags: null } });
  assert.deepEqual(flow.destination_service, { namespace: 'shop', name: 'web' });
  assert.deepEqual([flow.source.pod_name, flow.source.identity, flow.source.ID], ['client-1', 300, 7]);
  assert.equal(flow.destination.identity, 301);
  assert.equal(testTranslation({ point: 1 }).verdict, 'TRACED');
});

test('a socket that cannot be told a pod from leaves the source unknown', () => {
  const { source } = testTranslation({ socket: 98n });
  assert.deepEqual(source, {
    ID: null,
    identity: 0,
    namespace: null,
    labels: ['reserved:unknown'],
    pod_name: null,
    workloads: [],
  });
});

test("identities that are no pod's have labels of their own", () => {
  const world = testFlow({ destination: '192.0.2.1', identities: [300, 2] });
  assert.deepEqual(world.destination, {
    ID: null,
    identity: 2,
    namespace: null,
    labels: ['reserved:world'],
    pod_name: null,
    workloads: [],
  });
  const cidr = testFlow({ destination: '192.0.2.1', identities: [300, 1 << 24] });
  assert.deepEqual(cidr.destination.labels, ['cidr:192.0.2.0/24']);
});

test("what goes to a service's address untranslated names the service", () => {
  const flow = testFlow({ destination: '10.96.0.1', ports: [31793, 80], identities: [300, 2] });
  assert.deepEqual([flow.destination_service, flow.source_service], [{ namespace: 'shop', name: 'web' }, null]);
});

test('every protocol has its own form', () => {
  const l4 = (event: Parameters<typeof testFlow>[0]) => {
    const flow = testFlow(event);
    return [flow.l4, flow.Summary];
  };
  const ports = { source_port: 31793, destination_port: 8080 };
  assert.deepEqual(l4({ protocol: 17, tcpFlags: 0 }), [{ UDP: ports }, 'UDP']);
  assert.deepEqual(l4({ protocol: 132, tcpFlags: 0 }), [{ SCTP: ports }, 'SCTP']);
  assert.deepEqual(l4({ protocol: 1, tcpFlags: 8 }), [{ ICMPv4: { type: 8, code: 0 } }, 'ICMPv4 EchoRequest']);
  assert.deepEqual(l4({ protocol: 1, tcpFlags: 3, icmpCode: 3 })[1], 'ICMPv4 DestinationUnreachable(Port)');
  assert.deepEqual(l4({ protocol: 58, tcpFlags: 2 }), [{ ICMPv6: { type: 2, code: 0 } }, 'ICMPv6 PacketTooBig']);
  assert.deepEqual(l4({ protocol: 58, tcpFlags: 129, icmpCode: 1 })[1], 'ICMPv6 EchoReply(Code: 1)');
  assert.deepEqual(l4({ protocol: 1, tcpFlags: 42, icmpCode: 7 })[1], 'ICMPv4 42(7)');
  assert.deepEqual(l4({ protocol: 47, tcpFlags: 0 }), [null, 'IP protocol 47']);
  const { l4: tcp, Summary } = testFlow({ tcpFlags: 0xff });
  assert.equal(Summary, 'TCP Flags: SYN, ACK, RST, FIN, PSH, URG, ECE, CWR');
  assert.equal(tcp !== null && 'TCP' in tcp && Object.keys(tcp.TCP.flags ?? {}).length, 8);
  assert.equal(testFlow({ tcpFlags: 0 }).Summary, 'TCP');
});

test('a flow is the same after a journey as JSON', () => {
  for (const flow of [
    testFlow({ rule: 5 }),
    testReply({ source: 'fd00:1::1', destination: 'fd00::1' }),
    testFlow({ type: 2, reason: 133, protocol: 47 }),
    testFlow({ type: 3, rule: 6, reason: 181 }),
    testTranslation(),
  ]) {
    assert.deepEqual(Flow.parse(JSON.parse(JSON.stringify(flow))), flow);
  }
});

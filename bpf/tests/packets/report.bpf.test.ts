import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maps } from '../../../datapath/sidecarless/abi/maps.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { structs } from '../../../datapath/sidecarless/abi/structs.ts';
import { type TcpFlag, tcpFlags } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import { ipFrame } from './frame.ts';
import { assertDropped, assertRedirected } from './outcome.ts';
import { echo } from './transport.ts';
import { type Outcome, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;
const { DROP_POLICY_DENY } = numbers.drop_reason;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const tcp = (...flags: TcpFlag[]) =>
      world.fromPod(
        ipFrame({
          ...{ source: a[family], destination: remote[family] },
          payload: { kind: 'tcp', flags, sourcePort: 40000, destinationPort: 80 },
        }),
      );
    const types = ({ events }: Outcome) => events.map(({ type }) => type);

    test(`a flow is told of with all that is known of it (${family})`, () => {
      world.police(a, 'EGRESS', [{ rule: 9 }]);
      const before = process.hrtime.bigint();
      const outcome = tcp('SYN');
      const flow = outcome.events[1] ?? assert.fail('there is no flow');
      const { timeNanoseconds, ...rest } = flow;
      assert.ok(timeNanoseconds >= before && timeNanoseconds <= process.hrtime.bigint());
      assert.deepEqual(rest, {
        type: 'flow',
        source: a[family],
        destination: remote[family],
        sourcePort: 40000,
        destinationPort: 80,
        sourceIdentity: a.identity,
        destinationIdentity: remote.identity,
        endpoint: a.id,
        rule: 9,
        lengthBytes: outcome.lengthBytes,
        reason: 0,
        direction: 'EGRESS',
        protocol: protocols.TCP,
        tcpFlags: tcpFlags.SYN,
        icmpType: 0,
        icmpCode: 0,
        isReply: false,
        point: 'from-endpoint',
        translation: null,
      });
      assert.deepEqual(types(outcome), ['policy-verdict', 'flow']);
    });

    test(`a pod that is not policed has no verdicts (${family})`, () => {
      assert.deepEqual(types(tcp('SYN')), ['flow']);
    });

    test(`both borders of the node tell, each of its own pod (${family})`, () => {
      const payload = { kind: 'udp', sourcePort: 1, destinationPort: 2 } as const;
      const { events } = world.fromPod(ipFrame({ source: a[family], destination: b[family], payload }));
      assert.deepEqual(
        events.map(({ endpoint, direction, point }) => ({ endpoint, direction, point })),
        [
          { endpoint: a.id, direction: 'EGRESS', point: 'from-endpoint' },
          { endpoint: b.id, direction: 'INGRESS', point: 'to-endpoint' },
        ],
      );
    });

    test(`of a connection that goes on only its ends are told between two reports (${family})`, () => {
      world.configure({ report_ms: 3_600_000 });
      const [first, ...others] = [tcp('SYN'), tcp('ACK'), tcp('ACK', 'PSH'), tcp('FIN', 'ACK'), tcp('FIN', 'ACK')];
      assert.deepEqual(types(first as Outcome), ['flow']);
      assert.deepEqual(others.map(types), [[], [], ['flow'], []]);
      assert.deepEqual(types(tcp('RST')), ['flow']);
      for (const { key, value } of world.datapath().connections()) {
        world.datapath().setConnection(key, { ...value, reported: [0, value.reported[1] - 3.7e12] });
      }
      assert.deepEqual(types(tcp('ACK')), ['flow']);
    });

    test(`every packet is counted, told of or not (${family})`, () => {
      world.configure({ report_ms: 3_600_000 });
      tcp('SYN');
      const before = world.datapath().counters().get('FORWARDED/EGRESS');
      const { lengthBytes } = tcp('ACK');
      const now = world.datapath().counters().get('FORWARDED/EGRESS');
      assert.equal(now?.packets, (before?.packets ?? 0) + 1);
      assert.equal(now?.bytes, (before?.bytes ?? 0) + lengthBytes);
      assert.deepEqual(world.datapath().connections()[0]?.value.packets, [0, 2]);
    });

    test(`every drop is told of with its reason (${family})`, () => {
      world.police(a, 'EGRESS');
      for (let count = 0; count < 3; count++) {
        const outcome = tcp('SYN');
        assertDropped(outcome, 'DROP_POLICY', 'EGRESS');
        assert.deepEqual(types(outcome), ['policy-verdict', 'drop']);
        const { reason, sourceIdentity, destinationIdentity, isReply } = outcome.events[1] ?? assert.fail();
        assert.deepEqual(
          { reason, sourceIdentity, destinationIdentity, isReply },
          {
            reason: numbers.drop_reason.DROP_POLICY,
            sourceIdentity: a.identity,
            destinationIdentity: remote.identity,
            isReply: false,
          },
        );
      }
    });

    test(`a drop names the rule, of an open connection’s packets too (${family})`, () => {
      const payload = { kind: 'tcp', flags: ['SYN', 'ACK'], sourcePort: 80, destinationPort: 40000 } as const;
      const answer = ipFrame({ source: remote[family], destination: a[family], payload });
      assertRedirected(tcp('SYN'), { borders: ['EGRESS'] });
      assertRedirected(world.fromNetwork(answer), { borders: ['INGRESS'] });
      world.police(a, 'EGRESS', [{ peer: remote.identity, deny: true, rule: 6 }]);
      world.nextEpoch();
      const told = [tcp('ACK'), world.fromNetwork(answer), tcp('SYN')].map(({ events }) =>
        events.map(({ type, reason, rule, direction, isReply }) => [type, reason, rule, direction, isReply]),
      );
      assert.deepEqual(told, [
        [['drop', DROP_POLICY_DENY, 6, 'EGRESS', false]],
        [['drop', DROP_POLICY_DENY, 6, 'INGRESS', true]],
        [
          ['policy-verdict', DROP_POLICY_DENY, 6, 'EGRESS', false],
          ['drop', DROP_POLICY_DENY, 6, 'EGRESS', false],
        ],
      ]);
    });

    test(`without the flag nothing is told, and all is counted (${family})`, () => {
      world.configure({ flags: 0 });
      const outcome = tcp('SYN');
      assert.deepEqual([outcome.events, [...outcome.counted.keys()]], [[], ['FORWARDED/EGRESS']]);
      world.police(a, 'EGRESS');
      world.nextEpoch();
      const dropped = tcp('ACK');
      assert.deepEqual([dropped.events, [...dropped.counted.keys()]], [[], ['DROP_POLICY/EGRESS']]);
    });

    test(`of ICMP type and code are told (${family})`, () => {
      const type = family === 'v4' ? 8 : 128;
      const payload = { kind: 'icmp', type, code: 3, rest: echo(11) } as const;
      const outcome = world.fromPod(ipFrame({ source: a[family], destination: remote[family], payload }));
      assertRedirected(outcome, { borders: ['EGRESS'] });
      const [event] = outcome.events;
      assert.deepEqual(
        [event?.icmpType, event?.icmpCode, event?.tcpFlags, event?.sourcePort, event?.destinationPort],
        [type, 3, 0, 11, 11],
      );
    });
  }

  test('events that find no room are counted', () => {
    const lost = () => world.datapath().lostEvents();
    const before = lost();
    const frame = ipFrame({
      ...{ source: a.v4, destination: remote.v4 },
      payload: { kind: 'udp', sourcePort: 1, destinationPort: 2 },
    });
    // Before each record there are 8 bytes.
    const room = Math.floor(maps.sl_events.entries / (structs.event.size + 8));
    const context = { ifindex: world.links()[a.link] ?? 0 };
    for (let count = 0; count < room + 10; count++) world.datapath().run('sl_from_pod', frame, context);
    const told = world.datapath().events().length;
    assert.ok(told <= room && told > room - 10, `${told} of ${room}`);
    assert.equal(lost() - before, room + 10 - told);
    assert.equal(world.datapath().connections()[0]?.value.packets[numbers.direction.EGRESS], room + 10);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import type { TcpFlag } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import type { Struct } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { ipFrame } from './frame.ts';
import { assertDropped, assertRedirected } from './outcome.ts';
import { echo } from './transport.ts';
import { type Outcome, outsider, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;
const { CT_REPLIED, CT_CLOSED_INGRESS, CT_CLOSED_EGRESS, CT_REVOKED, CT_LOCAL } = numbers.ct_flag;
const lifetimeSeconds = { opened: 60, established: 8000, closed: 10, other: 60 };

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const tcp = (from: string, to: string, sourcePort: number, destinationPort: number, flags: readonly TcpFlag[]) =>
      ipFrame({ source: from, destination: to, payload: { kind: 'tcp', flags, sourcePort, destinationPort } });
    /** Of the connection from pod a, port 40000, to the remote pod's port 80. */
    const out = (...flags: TcpFlag[]) => world.fromPod(tcp(a[family], remote[family], 40000, 80, flags));
    const back = (...flags: TcpFlag[]) => world.fromNetwork(tcp(remote[family], a[family], 80, 40000, flags));
    const passesOut = (outcome: Outcome) => assertRedirected(outcome, { borders: ['EGRESS'] });
    const passesIn = (outcome: Outcome) => assertRedirected(outcome, { borders: ['INGRESS'] });
    const establish = () => {
      passesOut(out('SYN'));
      passesIn(back('SYN', 'ACK'));
      passesOut(out('ACK'));
    };
    const entryOf = (local: string = a[family]): Struct<'ct_entry'> => {
      const found = world
        .datapath()
        .connections()
        .filter(({ key }) => key.local === local);
      assert.equal(found.length, 1);
      return found[0]?.value as Struct<'ct_entry'>;
    };
    const change = (values: Partial<Struct<'ct_entry'>>) => {
      const [{ key, value } = assert.fail('there is no connection')] = world.datapath().connections();
      world.datapath().setConnection(key, { ...value, ...values });
    };
    const assertLives = (seconds: number) => {
      const left = entryOf().expires / 1e9 - Number(process.hrtime.bigint()) / 1e9;
      assert.ok(left > seconds - 5 && left <= seconds, `${left} s, not ${seconds} s`);
    };
    const verdictsIn = (outcome: Outcome) => outcome.events.filter(({ type }) => type === 'policy-verdict').length;
    const onlyTo80 = [{ protocol: protocols.TCP, first: 80, last: 80, rule: 3 }];

    test(`a connection is noted when it is opened (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      const opened = out('SYN');
      passesOut(opened);
      const { expires: _, reported, ...entry } = entryOf();
      assert.deepEqual(
        { ...entry, tcp_flags: [...entry.tcp_flags], pad: [...entry.pad] },
        {
          packets: [0, 1],
          bytes: [0, opened.lengthBytes],
          peer: remote.identity,
          rule: 3,
          epoch: 1,
          opened: numbers.direction.EGRESS,
          flags: 0,
          tcp_flags: [0, 2],
          port: 80,
          pad: [0, 0, 0, 0, 0, 0],
        },
      );
      assert.equal(reported[0], 0);
      assertLives(lifetimeSeconds.opened);
    });

    test(`answers pass a default deny, and are told of as such (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      world.police(a, 'INGRESS');
      establish();
      const answer = back('ACK');
      passesIn(answer);
      assert.deepEqual(
        answer.events.map(({ type, isReply, sourceIdentity, destinationIdentity }) => [
          ...[type, isReply, sourceIdentity, destinationIdentity],
        ]),
        [['flow', true, remote.identity, a.identity]],
      );
      assert.equal(out('ACK').events[0]?.isReply, false);
      assert.equal(entryOf().flags, CT_REPLIED);
      assert.deepEqual(entryOf().packets, [2, 3]);
      assertLives(lifetimeSeconds.established);
    });

    test(`policy is asked once for a connection (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      assert.equal(verdictsIn(out('SYN')), 1);
      assert.equal(verdictsIn(out('SYN')), 0, 'sent again');
      assert.equal(verdictsIn(out('ACK')), 0);
    });

    test(`half closed it lives on, closed by both it soon ends (${family})`, () => {
      establish();
      passesOut(out('FIN', 'ACK'));
      assert.equal(entryOf().flags, CT_REPLIED | CT_CLOSED_EGRESS);
      assertLives(lifetimeSeconds.established);
      passesIn(back('ACK'));
      passesIn(back('FIN', 'ACK'));
      assert.equal(entryOf().flags, CT_REPLIED | CT_CLOSED_EGRESS | CT_CLOSED_INGRESS);
      assertLives(lifetimeSeconds.closed);
      passesOut(out('ACK'));
      assertLives(lifetimeSeconds.closed);
    });

    test(`a reset ends a connection (${family})`, () => {
      passesOut(out('SYN'));
      passesIn(back('RST', 'ACK'));
      assert.equal(entryOf().flags, CT_REPLIED | CT_CLOSED_EGRESS | CT_CLOSED_INGRESS);
      assertLives(lifetimeSeconds.closed);
    });

    test(`one side’s reset, which the other may ignore, has nobody forget what both have agreed to (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      establish();
      passesIn(back('RST'));
      assert.equal(entryOf().flags, CT_REPLIED | CT_CLOSED_INGRESS);
      assertLives(lifetimeSeconds.established);
      passesIn(back('ACK'));
      assertLives(lifetimeSeconds.established);
      world.police(a, 'EGRESS');
      world.nextEpoch();
      assertDropped(out('ACK'), 'DROP_POLICY', 'EGRESS');
      assertDropped(back('ACK'), 'DROP_POLICY', 'INGRESS');
      world.police(a, 'EGRESS', onlyTo80);
      world.nextEpoch();
      passesOut(out('RST'));
      assert.equal(entryOf().flags, CT_REPLIED | CT_CLOSED_EGRESS | CT_CLOSED_INGRESS);
      assertLives(lifetimeSeconds.closed);
    });

    test(`ports of a closed connection open a new one (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      establish();
      passesOut(out('RST'));
      const again = out('SYN');
      passesOut(again);
      assert.equal(verdictsIn(again), 1);
      assert.deepEqual([entryOf().flags, entryOf().packets], [0, [0, 1]]);
      passesOut(out('FIN'));
      world.police(a, 'EGRESS');
      assertDropped(out('SYN'), 'DROP_POLICY', 'EGRESS');
    });

    test(`what the other side opens with an open connection’s ports is asked about (${family})`, () => {
      world.police(a, 'INGRESS');
      establish();
      assertDropped(back('SYN'), 'DROP_POLICY', 'INGRESS');
      passesIn(back('ACK'));
      world.police(a, 'INGRESS', [{ protocol: protocols.TCP, first: 40000, last: 40000 }]);
      passesIn(back('SYN'));
      assert.equal(entryOf().opened, numbers.direction.INGRESS);
    });

    test(`an expired connection is none (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      world.police(a, 'INGRESS');
      establish();
      change({ expires: 1 });
      assertDropped(back('SYN', 'ACK'), 'DROP_UNKNOWN_CT', 'INGRESS');
      assertDropped(back('ACK'), 'DROP_POLICY', 'INGRESS');
      const again = out('ACK');
      passesOut(again);
      assert.equal(verdictsIn(again), 1);
      passesIn(back('ACK'));
    });

    test(`with the next epoch a connection that is no longer allowed is cut in both directions (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      establish();
      world.police(a, 'EGRESS', [{ ...onlyTo80[0], deny: true, rule: 4 }]);
      passesOut(out('ACK'));
      world.nextEpoch();
      assertDropped(back('ACK'), 'DROP_POLICY_DENY', 'INGRESS');
      assertDropped(out('ACK'), 'DROP_POLICY_DENY', 'EGRESS');
      assert.deepEqual([entryOf().flags, entryOf().rule], [CT_REPLIED | CT_REVOKED, 4]);
      assertDropped(out('SYN'), 'DROP_POLICY_DENY', 'EGRESS');
    });

    test(`a connection that is allowed again goes on (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      establish();
      world.police(a, 'EGRESS');
      world.nextEpoch();
      assertDropped(out('ACK'), 'DROP_POLICY', 'EGRESS');
      world.police(a, 'EGRESS', onlyTo80);
      passesOut(out('ACK'));
      assert.deepEqual([entryOf().flags, entryOf().epoch, entryOf().rule], [CT_REPLIED, 2, 3]);
      passesIn(back('ACK'));
    });

    test(`a lost mark of revocation lets nothing through (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      establish();
      world.police(a, 'EGRESS');
      world.nextEpoch();
      assertDropped(out('ACK'), 'DROP_POLICY', 'EGRESS');
      // As a packet on another CPU would write it that had begun before.
      change({ flags: CT_REPLIED });
      assertDropped(back('ACK'), 'DROP_POLICY', 'INGRESS');
    });

    test(`a connection is reviewed as what it was opened as (${family})`, () => {
      establish();
      world.police(a, 'INGRESS');
      world.nextEpoch();
      passesIn(back('ACK'));
      passesOut(out('ACK'));
    });

    test(`who the other side is may change (${family})`, () => {
      world.police(a, 'EGRESS', [{ peer: remote.identity }]);
      establish();
      const bits = family === 'v4' ? 32 : 128;
      world.datapath().setIdentity(`${remote[family]}/${bits}`, { identity: 999, flags: 1, node: '::' });
      world.nextEpoch();
      assertDropped(out('ACK'), 'DROP_POLICY', 'EGRESS');
      assert.equal(entryOf().peer, 999);
    });

    test(`an answer to nothing opens nothing (${family})`, () => {
      for (const flags of [['SYN', 'ACK'], ['RST'], ['RST', 'ACK'], ['SYN', 'RST']] as const) {
        assertDropped(out(...flags), 'DROP_UNKNOWN_CT', 'EGRESS');
        assertDropped(back(...flags), 'DROP_UNKNOWN_CT', 'INGRESS');
      }
      const payload = { kind: 'icmp', type: family === 'v4' ? 0 : 129, rest: echo(5) } as const;
      const reply = ipFrame({ source: remote[family], destination: a[family], payload });
      assertDropped(world.fromNetwork(reply), 'DROP_UNKNOWN_CT', 'INGRESS');
      assert.deepEqual(world.datapath().connections(), []);
    });

    test(`a connection is picked up in its middle where policy would let it be opened (${family})`, () => {
      world.police(a, 'EGRESS', onlyTo80);
      passesOut(out('ACK', 'PSH'));
      passesIn(back('ACK'));
      assertLives(lifetimeSeconds.established);
      const elsewhere = tcp(a[family], remote[family], 40000, 81, ['ACK']);
      assertDropped(world.fromPod(elsewhere), 'DROP_POLICY', 'EGRESS');
    });

    test(`datagrams are answered for a minute (${family})`, () => {
      world.police(a, 'INGRESS');
      const udp = (source: string, destination: string, sourcePort: number, destinationPort: number) =>
        ipFrame({ source, destination, payload: { kind: 'udp', sourcePort, destinationPort } });
      passesOut(world.fromPod(udp(a[family], outsider[family], 5353, 53)));
      passesIn(world.fromNetwork(udp(outsider[family], a[family], 53, 5353)));
      assertLives(lifetimeSeconds.other);
      assertDropped(world.fromNetwork(udp(outsider[family], a[family], 54, 5353)), 'DROP_POLICY', 'INGRESS');
      change({ expires: 1 });
      assertDropped(world.fromNetwork(udp(outsider[family], a[family], 53, 5353)), 'DROP_POLICY', 'INGRESS');
    });

    test(`an echo is answered by its identifier (${family})`, () => {
      world.police(a, 'INGRESS');
      const [request, reply] = family === 'v4' ? [8, 0] : [128, 129];
      const icmp = (source: string, destination: string, type: number, identifier: number) =>
        ipFrame({ source, destination, payload: { kind: 'icmp', type, rest: echo(identifier) } });
      passesOut(world.fromPod(icmp(a[family], remote[family], request, 5)));
      passesIn(world.fromNetwork(icmp(remote[family], a[family], reply, 5)));
      const other = world.fromNetwork(icmp(remote[family], a[family], reply, 6));
      assertDropped(other, 'DROP_UNKNOWN_CT', 'INGRESS');
    });

    test(`an echo’s identifier does not let the other side ask (${family})`, () => {
      const [request, reply] = family === 'v4' ? [8, 0] : [128, 129];
      const icmp = (source: string, destination: string, type: number) =>
        ipFrame({ source, destination, payload: { kind: 'icmp', type, rest: echo(5) } });
      world.police(a, 'INGRESS');
      passesOut(world.fromPod(icmp(a[family], remote[family], request)));
      assertDropped(world.fromNetwork(icmp(remote[family], a[family], request)), 'DROP_POLICY', 'INGRESS');
      passesIn(world.fromNetwork(icmp(remote[family], a[family], reply)));
    });

    test(`two pods of the node have an entry each (${family})`, () => {
      const both = { borders: ['EGRESS', 'INGRESS'] } as const;
      assertRedirected(world.fromPod(tcp(a[family], b[family], 40000, 80, ['SYN'])), both);
      const [opened, accepted] = [entryOf(a[family]), entryOf(b[family])];
      assert.deepEqual([opened.opened, opened.peer, opened.flags], [1, b.identity, CT_LOCAL]);
      assert.deepEqual([accepted.opened, accepted.peer, accepted.flags], [0, a.identity, CT_LOCAL]);
      world.police(a, 'INGRESS');
      world.police(b, 'EGRESS');
      const answer = world.fromPod(tcp(b[family], a[family], 80, 40000, ['SYN', 'ACK']), b);
      assertRedirected(answer, both);
    });
  }
});

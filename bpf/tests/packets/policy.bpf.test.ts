import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { ipFrame } from './frame.ts';
import { assertDropped, assertPassedOn, assertRedirected } from './outcome.ts';
import { echo } from './transport.ts';
import { named, node, outsider, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;
const { TCP: tcp, UDP: udp, SCTP: sctp, ICMP: icmp, ICMPv6: icmp6 } = protocols;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const syn = (from: string, to: string, destinationPort = 80, sourcePort = 40000) =>
      ipFrame({ source: from, destination: to, payload: { kind: 'tcp', flags: ['SYN'], sourcePort, destinationPort } });
    const out = (destinationPort: number, sourcePort?: number) =>
      world.fromPod(syn(a[family], remote[family], destinationPort, sourcePort));
    const into = (destinationPort: number, sourcePort?: number) =>
      world.fromNetwork(syn(remote[family], a[family], destinationPort, sourcePort));

    test(`without rules everything passes (${family})`, () => {
      assertRedirected(out(80), { borders: ['EGRESS'] });
      assertRedirected(into(80, 50000), { borders: ['INGRESS'] });
      assertPassedOn(world.toPod(syn(node[family], a[family])), { borders: ['INGRESS'] });
    });

    test(`default deny drops what no rule allows, in its own direction alone (${family})`, () => {
      world.police(a, 'EGRESS');
      assertDropped(out(80), 'DROP_POLICY', 'EGRESS');
      assertRedirected(into(80, 50000), { borders: ['INGRESS'] });
      world.free(a);
      world.police(a, 'INGRESS');
      assertDropped(into(80, 50001), 'DROP_POLICY', 'INGRESS');
      assertDropped(world.toPod(syn(node[family], a[family])), 'DROP_POLICY', 'INGRESS');
      assertRedirected(out(80), { borders: ['EGRESS'] });
    });

    test(`each connection that policy is asked about is counted once, by what it said (${family})`, () => {
      const counted = (go: () => unknown) => {
        const before = world.datapath().verdicts();
        go();
        const after = Object.entries(world.datapath().verdicts());
        return Object.fromEntries(after.map(([name, now]) => [name, now - (before[name] ?? 0)]).filter(([, by]) => by));
      };
      const answer = () =>
        world.fromPod(
          ipFrame({
            ...{ source: a[family], destination: remote[family] },
            payload: { kind: 'tcp', flags: ['SYN', 'ACK'], sourcePort: 80, destinationPort: 50000 },
          }),
        );
      assert.deepEqual(
        counted(() => [into(80, 50002), out(80)]),
        {},
      );
      world.police(a, 'INGRESS', [{ protocol: tcp, first: 80, last: 80 }]);
      assert.deepEqual(
        counted(() => [into(80, 50000), answer(), into(80, 50000)]),
        { 'allowed/INGRESS': 1 },
      );
      assert.deepEqual(
        counted(() => [into(81, 50001), out(80, 40001)]),
        { 'refused/INGRESS': 1 },
      );
      world.free(a);
      world.police(a, 'EGRESS', [{ protocol: tcp, first: 80, last: 80 }]);
      assert.deepEqual(
        counted(() => [out(80, 40002), out(81, 40003)]),
        { 'allowed/EGRESS': 1, 'refused/EGRESS': 1 },
      );
    });

    test(`an endpoint in default deny whose policy is not loaded is cut off (${family})`, () => {
      world.police(b, 'EGRESS', [{}]);
      const { id: _, ...other } = b;
      world.datapath().setEndpoint(a[family], {
        ...{ id: 4711, identity: other.identity, flags: numbers.endpoint_flag.ENDPOINT_POLICE_EGRESS },
        ...{ ifindex: world.links()[a.link] ?? 0, mac: new Uint8Array(6), node_mac: new Uint8Array(6) },
      });
      assertDropped(out(80), 'DROP_POLICY', 'EGRESS');
    });

    test(`a rule allows its peer, protocol and port, and nothing beside (${family})`, () => {
      world.police(a, 'EGRESS', [{ peer: remote.identity, protocol: tcp, first: 80, last: 80 }]);
      assertRedirected(out(80), { borders: ['EGRESS'] });
      assertDropped(out(81), 'DROP_POLICY', 'EGRESS');
      assertDropped(world.fromPod(syn(a[family], outsider[family])), 'DROP_POLICY', 'EGRESS');
      const payload = { kind: 'udp', sourcePort: 40000, destinationPort: 80 } as const;
      const udpOut = ipFrame({ source: a[family], destination: remote[family], payload });
      assertDropped(world.fromPod(udpOut), 'DROP_POLICY', 'EGRESS');
    });

    test(`port ranges end where they say (${family})`, () => {
      world.police(a, 'INGRESS', [{ protocol: tcp, first: 1000, last: 2999 }]);
      for (const port of [999, 3000]) assertDropped(into(port), 'DROP_POLICY', 'INGRESS');
      for (const port of [1000, 1023, 1024, 2047, 2048, 2999]) assertRedirected(into(port), { borders: ['INGRESS'] });
    });

    test(`a denial of a peer outdoes what is allowed to everybody (${family})`, () => {
      world.police(a, 'EGRESS', [
        { rule: 5 },
        { peer: remote.identity, protocol: tcp, first: 80, last: 80, deny: true, rule: 6 },
      ]);
      const denied = out(80);
      assertDropped(denied, 'DROP_POLICY_DENY', 'EGRESS');
      const [verdict] = denied.events;
      assert.deepEqual([verdict?.type, verdict?.rule, verdict?.reason], ['policy-verdict', 6, 181]);
      assertRedirected(out(81), { borders: ['EGRESS'] });
      assertRedirected(world.fromPod(syn(a[family], named[family])), { borders: ['EGRESS'] });
    });

    test(`a range of addresses is an identity; what has none is the world (${family})`, () => {
      world.police(a, 'EGRESS', [{ peer: named.identity, rule: 7 }]);
      const allowed = world.fromPod(syn(a[family], named[family]));
      assertRedirected(allowed, { borders: ['EGRESS'] });
      assert.deepEqual(
        allowed.events.map(({ type, rule, destinationIdentity }) => [type, rule, destinationIdentity]),
        [
          ['policy-verdict', 7, named.identity],
          ['flow', 7, named.identity],
        ],
      );
      const denied = world.fromPod(syn(a[family], outsider[family]));
      assertDropped(denied, 'DROP_POLICY', 'EGRESS');
      assert.equal(denied.events.at(-1)?.destinationIdentity, numbers.identity.IDENTITY_WORLD);
    });

    test(`both pods’ policies are asked where both are local (${family})`, () => {
      const toNeighbour = (port: number) => world.fromPod(syn(a[family], b[family], port));
      assertRedirected(toNeighbour(80), { borders: ['EGRESS', 'INGRESS'] });
      world.police(b, 'INGRESS', [{ peer: a.identity, protocol: tcp, first: 81, last: 81 }]);
      assertDropped(toNeighbour(82), 'DROP_POLICY', 'INGRESS', { passed: ['EGRESS'] });
      assertRedirected(toNeighbour(81), { borders: ['EGRESS', 'INGRESS'] });
      world.police(a, 'EGRESS');
      assertDropped(toNeighbour(83), 'DROP_POLICY', 'EGRESS');
    });

    test(`for ICMP the type takes the port’s place (${family})`, () => {
      const [protocol, request, other] = family === 'v4' ? [icmp, 8, 13] : [icmp6, 128, 135];
      world.police(a, 'EGRESS', [{ protocol, first: request, last: request }]);
      const send = (type: number) => {
        const payload = { kind: 'icmp', type, rest: echo(7) } as const;
        return world.fromPod(ipFrame({ source: a[family], destination: remote[family], payload }));
      };
      assertRedirected(send(request), { borders: ['EGRESS'] });
      assertDropped(send(other), 'DROP_POLICY', 'EGRESS');
    });

    test(`each protocol has ports of its own (${family})`, () => {
      const send = (kind: 'tcp' | 'udp' | 'sctp') => {
        const payload = {
          kind,
          sourcePort: 40000,
          destinationPort: 80,
          ...(kind === 'tcp' && { flags: ['SYN' as const] }),
        };
        return world.fromPod(ipFrame({ source: a[family], destination: remote[family], payload }));
      };
      for (const [kind, protocol] of [
        ['tcp', tcp],
        ['udp', udp],
        ['sctp', sctp],
      ] as const) {
        world.police(a, 'EGRESS', [{ protocol, first: 80, last: 80 }]);
        world.nextEpoch();
        for (const sent of ['tcp', 'udp', 'sctp'] as const) {
          if (sent === kind) assertRedirected(send(sent), { borders: ['EGRESS'] });
          else assertDropped(send(sent), 'DROP_POLICY', 'EGRESS');
        }
      }
    });
  }
});

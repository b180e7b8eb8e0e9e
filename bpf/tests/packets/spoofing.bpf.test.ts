import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TcpFlag } from '../../../datapath/sidecarless/abi/tcp-flags.ts';
import { ipFrame, patched, quote } from './frame.ts';
import { assertDropped, assertIgnored, assertPassedOn, assertRedirected } from './outcome.ts';
import { node, otherNode, outsider, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;
const nobodys = { isSeen: false };

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const tcp = (source: string, destination: string, flags: readonly TcpFlag[] = ['SYN'], from = 40000, to = 80) =>
      ipFrame({ source, destination, payload: { kind: 'tcp', flags, sourcePort: from, destinationPort: to } });

    test(`a pod sends with no address but its own (${family})`, () => {
      const unspecified = family === 'v4' ? '0.0.0.0' : '::';
      const loopback = family === 'v4' ? '127.0.0.1' : '::1';
      const others = [remote, outsider, node, otherNode].map((party) => party[family]);
      for (const source of [...others, unspecified, loopback]) {
        const outcome = world.fromPod(tcp(source, remote[family]));
        assertDropped(outcome, 'DROP_INVALID_SOURCE_IP', 'EGRESS', { isSeen: source !== '::' });
      }
      assertRedirected(world.fromPod(tcp(a[family], remote[family])), { borders: ['EGRESS'] });
    });

    test(`a pod does not send in another’s name (${family})`, () => {
      const outcome = world.fromPod(tcp(a[family], remote[family]), b);
      assertDropped(outcome, 'DROP_INVALID_SOURCE_IP', 'EGRESS');
      assertRedirected(world.fromPod(tcp(a[family], remote[family])), { borders: ['EGRESS'] });
      const known = world.fromPod(tcp(a[family], remote[family]), b);
      assertDropped(known, 'DROP_INVALID_SOURCE_IP', 'EGRESS');
      // Who is behind the link cannot be told from what it sends: no endpoint is named.
      const [event] = known.events;
      assert.deepEqual([event?.source, event?.endpoint, event?.sourceIdentity], [a[family], 0, 0]);
    });

    test(`a pod gets what is for itself (${family})`, () => {
      const outcome = world.toPod(tcp(node[family], a[family]), b);
      assertDropped(outcome, 'DROP_ENDPOINT_NOT_READY', 'INGRESS', nobodys);
      const nobody = world.toPod(tcp(node[family], remote[family]));
      assertDropped(nobody, 'DROP_ENDPOINT_NOT_READY', 'INGRESS', nobodys);
    });

    test(`the network does not send with this node’s address, or its pods’ (${family})`, () => {
      for (const source of [node[family], b[family]]) {
        assertDropped(world.fromNetwork(tcp(source, a[family])), 'DROP_INVALID_SOURCE_IP', 'INGRESS');
      }
      assertPassedOn(world.toPod(tcp(node[family], a[family])), { borders: ['INGRESS'] });
    });

    test(`nor into a connection that is open (${family})`, () => {
      const both = { borders: ['EGRESS', 'INGRESS'] } as const;
      assertRedirected(world.fromPod(tcp(a[family], b[family])), both);
      assertRedirected(world.fromPod(tcp(b[family], a[family], ['SYN', 'ACK'], 80, 40000), b), both);
      for (const flags of [['RST'], ['ACK'], ['FIN']] as const) {
        const forged = tcp(b[family], a[family], flags, 80, 40000);
        assertDropped(world.fromNetwork(forged), 'DROP_INVALID_SOURCE_IP', 'INGRESS');
      }
      world.nextEpoch();
      const forged = tcp(b[family], a[family], ['ACK'], 80, 40000);
      assertDropped(world.fromNetwork(forged), 'DROP_INVALID_SOURCE_IP', 'INGRESS');
      const about = quote(tcp(a[family], b[family]));
      const payload = { kind: 'icmp', type: family === 'v4' ? 3 : 1, data: about } as const;
      const error = ipFrame({ source: node[family], destination: a[family], payload });
      assertDropped(world.fromNetwork(error), 'DROP_INVALID_SOURCE_IP', 'INGRESS');
      assertPassedOn(world.toPod(error), { borders: ['INGRESS'], told: false });
    });

    test(`nor by way of the node’s stack (${family})`, () => {
      const context = { ingressIfindex: world.links().uplink ?? 0 };
      for (const source of [node[family], b[family]]) {
        const outcome = world.toPod(tcp(source, a[family]), a, context);
        assertDropped(outcome, 'DROP_INVALID_SOURCE_IP', 'INGRESS');
      }
      const honest = world.toPod(tcp(outsider[family], a[family]), a, context);
      assertPassedOn(honest, { borders: ['INGRESS'] });
    });

    test(`there are no groups (${family})`, () => {
      const groups = family === 'v4' ? ['224.0.0.1', '239.255.255.250', '255.255.255.255'] : ['ff02::1', 'ff0e::1:2'];
      for (const group of groups) {
        assertDropped(world.fromPod(tcp(a[family], group)), 'DROP_GROUP', 'EGRESS', nobodys);
        const outcome = world.toPod(tcp(node[family], group));
        assertDropped(outcome, 'DROP_ENDPOINT_NOT_READY', 'INGRESS', nobodys);
        const frame = tcp(otherNode[family], group);
        assertIgnored(world.fromNetwork(frame), frame);
      }
      const forged = world.fromPod(tcp(groups[0] ?? '', remote[family]));
      assertDropped(forged, 'DROP_INVALID_SOURCE_IP', 'EGRESS');
    });
  }

  test('an IPv4 address in an IPv6 header is no address', () => {
    const payload = { kind: 'tcp', flags: ['SYN'], sourcePort: 40000, destinationPort: 80 } as const;
    const mapped = ipFrame({ source: a.v4, destination: remote.v4, payload, mapped: true });
    assertDropped(world.fromPod(mapped), 'DROP_INVALID', 'EGRESS');
    assertDropped(world.fromPod(mapped, b), 'DROP_INVALID_SOURCE_IP', 'EGRESS');
    const inward = ipFrame({ source: remote.v4, destination: a.v4, payload, mapped: true });
    assertDropped(world.toPod(inward), 'DROP_INVALID', 'INGRESS');
    assertIgnored(world.fromNetwork(inward), inward);
  });

  test('another MAC address makes no other pod', () => {
    const payload = { kind: 'tcp', flags: ['SYN'], sourcePort: 40000, destinationPort: 80 } as const;
    const frame = ipFrame({ source: a.v4, destination: remote.v4, payload });
    const outcome = world.fromPod(patched(frame, 6, 2, 2, 2, 2, 2, 2));
    assertRedirected(outcome, { borders: ['EGRESS'] });
  });
});

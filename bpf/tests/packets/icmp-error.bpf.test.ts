import { test } from 'node:test';
import { ipFrame, patched, quote } from './frame.ts';
import { assertDropped, assertPassedOn, assertRedirected } from './outcome.ts';
import { echo, type Payload } from './transport.ts';
import { node, outsider, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const unreachable = family === 'v4' ? 3 : 1;
    const errors = family === 'v4' ? [3, 11, 12] : [1, 2, 3, 4];
    const error = (from: string, to: string, about: Uint8Array, type = unreachable, quoted = 8) =>
      ipFrame({ source: from, destination: to, payload: { kind: 'icmp', type, data: quote(about, quoted) } });
    const sent = (payload: Payload, from: string = a[family], to: string = remote[family]) =>
      ipFrame({ source: from, destination: to, payload });
    const syn = sent({ kind: 'tcp', flags: ['SYN'], sourcePort: 40000, destinationPort: 80 });
    const untold = (border: 'INGRESS' | 'EGRESS') => ({ borders: [border], told: false });

    test(`an error about an allowed connection passes, whoever sends it (${family})`, () => {
      world.police(a, 'INGRESS');
      world.fromPod(syn);
      for (const type of errors) {
        assertRedirected(world.fromNetwork(error(outsider[family], a[family], syn, type)), untold('INGRESS'));
        assertPassedOn(world.toPod(error(node[family], a[family], syn, type)), untold('INGRESS'));
      }
    });

    test(`an error about nothing is dropped (${family})`, () => {
      world.fromPod(syn);
      const [other, neighbour] = [
        sent({ kind: 'tcp', flags: ['SYN'], sourcePort: 40001, destinationPort: 80 }),
        sent({ kind: 'tcp', flags: ['SYN'], sourcePort: 40000, destinationPort: 80 }, b[family]),
      ];
      for (const about of [other, neighbour]) {
        assertDropped(world.fromNetwork(error(remote[family], a[family], about)), 'DROP_UNKNOWN_CT', 'INGRESS');
        assertDropped(world.fromPod(error(a[family], remote[family], about)), 'DROP_UNKNOWN_CT', 'EGRESS');
      }
    });

    test(`an error is dropped that quotes its own direction (${family})`, () => {
      world.fromPod(syn);
      assertDropped(world.fromPod(error(a[family], remote[family], syn)), 'DROP_UNKNOWN_CT', 'EGRESS');
    });

    test(`a pod tells of errors about its own connections, and of no other pod’s (${family})`, () => {
      const asked = sent({ kind: 'udp', sourcePort: 5000, destinationPort: 53 }, remote[family], a[family]);
      assertRedirected(world.fromNetwork(asked), { borders: ['INGRESS'] });
      assertRedirected(world.fromPod(error(a[family], remote[family], asked)), untold('EGRESS'));
      assertDropped(world.fromPod(error(b[family], remote[family], asked), b), 'DROP_UNKNOWN_CT', 'EGRESS');
      const toB = error(outsider[family], b[family], syn);
      world.fromPod(syn);
      assertDropped(world.fromNetwork(toB), 'DROP_UNKNOWN_CT', 'INGRESS');
    });

    test(`a pod tells only who has sent it something, and no third party (${family})`, () => {
      const asked = sent({ kind: 'udp', sourcePort: 5000, destinationPort: 53 }, remote[family], a[family]);
      world.police(a, 'EGRESS');
      assertRedirected(world.fromNetwork(asked), { borders: ['INGRESS'] });
      for (const to of [outsider[family], node[family], b[family]]) {
        assertDropped(world.fromPod(error(a[family], to, asked)), 'DROP_UNKNOWN_CT', 'EGRESS');
      }
      assertRedirected(world.fromPod(error(a[family], remote[family], asked)), untold('EGRESS'));
    });

    test(`an error from the network about what two pods of the node say is dropped (${family})`, () => {
      const asked = sent({ kind: 'udp', sourcePort: 5000, destinationPort: 53 }, a[family], b[family]);
      assertRedirected(world.fromPod(asked), { borders: ['EGRESS', 'INGRESS'] });
      const forged = error(outsider[family], a[family], asked);
      assertDropped(world.fromNetwork(forged), 'DROP_INVALID_SOURCE_IP', 'INGRESS');
    });

    test(`an error about a connection is dropped once that has expired (${family})`, () => {
      world.fromPod(syn);
      for (const { key, value } of world.datapath().connections()) {
        world.datapath().setConnection(key, { ...value, expires: 1 });
      }
      assertDropped(world.fromNetwork(error(remote[family], a[family], syn)), 'DROP_UNKNOWN_CT', 'INGRESS');
    });

    test(`an error about a connection is dropped once policy has revoked that (${family})`, () => {
      world.police(a, 'EGRESS', [{}]);
      world.fromPod(syn);
      world.police(a, 'EGRESS');
      assertRedirected(world.fromNetwork(error(remote[family], a[family], syn)), untold('INGRESS'));
      world.nextEpoch();
      assertDropped(world.fromNetwork(error(remote[family], a[family], syn)), 'DROP_UNKNOWN_CT', 'INGRESS');
      world.police(a, 'EGRESS', [{}]);
      assertRedirected(world.fromNetwork(error(remote[family], a[family], syn)), untold('INGRESS'));
    });

    test(`an error may be about any protocol (${family})`, () => {
      const ask: Payload = { kind: 'icmp', type: family === 'v4' ? 8 : 128, rest: echo(9) };
      const ports = { sourcePort: 4000, destinationPort: 4001 };
      for (const payload of [ask, { kind: 'udp', ...ports }, { kind: 'sctp', ...ports }] satisfies Payload[]) {
        world.fromPod(sent(payload));
        const about = error(outsider[family], a[family], sent(payload));
        assertRedirected(world.fromNetwork(about), untold('INGRESS'));
      }
    });

    test(`an error between two pods of the node passes both borders (${family})`, () => {
      const asked = sent({ kind: 'udp', sourcePort: 5000, destinationPort: 53 }, a[family], b[family]);
      assertRedirected(world.fromPod(asked), { borders: ['EGRESS', 'INGRESS'] });
      const answer = world.fromPod(error(b[family], a[family], asked), b);
      assertRedirected(answer, { borders: ['EGRESS', 'INGRESS'], told: false });
    });

    test(`an error that quotes too little, or nonsense, is dropped (${family})`, () => {
      world.fromPod(syn);
      const headerBytes = family === 'v4' ? 20 : 40;
      for (let quoted = -headerBytes; quoted < 8; quoted++) {
        const cut = error(remote[family], a[family], syn, unreachable, quoted);
        assertDropped(world.fromNetwork(cut), 'DROP_INVALID', 'INGRESS');
      }
      const version = patched(error(remote[family], a[family], syn), 14 + headerBytes + 8, 0x55);
      assertDropped(world.fromNetwork(version), 'DROP_INVALID', 'INGRESS');
    });

    test(`an error about an error is dropped (${family})`, () => {
      world.fromPod(syn);
      const first = error(a[family], remote[family], sent({ kind: 'udp', sourcePort: 1, destinationPort: 2 }));
      assertDropped(world.fromNetwork(error(remote[family], a[family], first)), 'DROP_UNKNOWN_CT', 'INGRESS');
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipFrame } from './frame.ts';
import { assertIgnored, assertPassedOn, assertRedirected } from './outcome.ts';
import { readFrame } from './seen-frame.ts';
import type { Payload } from './transport.ts';
import { node, outsider, pods, remote, testInWorld, uplinkMtuBytes } from './world.ts';

const { a, b } = pods;
const link = { to: '0e:00:00:00:00:0a', from: '0a:00:00:00:00:0a' };
const both = { borders: ['EGRESS', 'INGRESS'] } as const;
const inward = { borders: ['INGRESS'] } as const;
const outward = { borders: ['EGRESS'] } as const;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const headers = family === 'v4' ? 28 : 48;
    const udp = (source: string, destination: string, { ttl = 64, bytes = headers + 9 } = {}) => {
      const payload: Payload = {
        ...{ kind: 'udp', sourcePort: 4000, destinationPort: 53 },
        data: new Uint8Array(bytes - headers),
      };
      return ipFrame({ source, destination, payload, ttl }, link);
    };
    /** That nothing has changed but the MAC addresses and the hops that are left. */
    const assertForwarded = (frame: Uint8Array, was: Uint8Array, to: string, from: string) => {
      const [seen, sent] = [readFrame(frame), readFrame(was)];
      const packet = { ...sent.packet, ttl: sent.packet.ttl - 1 };
      assert.deepEqual(seen, { ...sent, to, from, packet });
      assert.ok(seen.packet.isHeaderIntact && seen.packet.isPayloadIntact);
      assert.deepEqual(frame.subarray(14 + headers), was.subarray(14 + headers));
    };

    test(`to a pod of the node it goes by that pod’s link addresses (${family})`, () => {
      const frame = udp(a[family], b[family]);
      const outcome = world.fromPod(frame);
      assertRedirected(outcome, both);
      assertForwarded(outcome.frame, frame, b.mac, b.nodeMac);
    });

    test(`from the network it goes to the pod past the node’s stack (${family})`, () => {
      const frame = udp(remote[family], a[family]);
      const outcome = world.fromNetwork(frame);
      assertRedirected(outcome, inward);
      assertForwarded(outcome.frame, frame, a.mac, a.nodeMac);
    });

    test(`to another node it goes with the next hop still to be resolved (${family})`, () => {
      for (const party of [remote, outsider]) {
        const frame = udp(a[family], party[family]);
        const outcome = world.fromPod(frame);
        assertRedirected(outcome, outward);
        assertForwarded(outcome.frame, frame, link.to, link.from);
      }
    });

    test(`every number of hops is counted down (${family})`, () => {
      for (const ttl of [2, 3, 127, 128, 254, 255]) {
        const frame = udp(a[family], b[family], { ttl });
        const outcome = world.fromPod(frame);
        assertRedirected(outcome, both);
        assertForwarded(outcome.frame, frame, b.mac, b.nodeMac);
      }
    });

    test(`a packet with no hop left is left to the stack, which tells its sender (${family})`, () => {
      for (const ttl of [0, 1]) {
        for (const [party, borders] of [
          [b, both],
          [remote, outward],
          [outsider, outward],
        ] as const) {
          const frame = udp(a[family], party[family], { ttl });
          const outcome = world.fromPod(frame);
          assertPassedOn(outcome, borders);
          assert.deepEqual(outcome.frame, frame);
        }
        const frame = udp(remote[family], a[family], { ttl });
        const outcome = world.fromNetwork(frame);
        assertPassedOn(outcome, inward);
        assert.deepEqual(outcome.frame, frame);
      }
    });

    test(`to the node itself a packet goes as it is (${family})`, () => {
      const frame = udp(a[family], node[family]);
      const outcome = world.fromPod(frame);
      assertPassedOn(outcome, outward);
      assert.deepEqual(outcome.frame, frame);
    });

    test(`what the stack sends to a pod goes in as it is (${family})`, () => {
      const frame = udp(node[family], a[family], { ttl: 1 });
      const outcome = world.toPod(frame);
      assertPassedOn(outcome, inward);
      assert.deepEqual(outcome.frame, frame);
    });

    test(`a packet too big for the uplink is left to the stack, which tells its sender (${family})`, () => {
      const fits = udp(a[family], remote[family], { bytes: uplinkMtuBytes });
      assertRedirected(world.fromPod(fits), outward);
      const tooBig = udp(a[family], remote[family], { bytes: uplinkMtuBytes + 1 });
      const outcome = world.fromPod(tooBig);
      assertPassedOn(outcome, outward);
      assert.deepEqual(outcome.frame, tooBig);
      assertRedirected(world.fromPod(udp(a[family], b[family], { bytes: uplinkMtuBytes + 1 })), both);
    });

    test(`what is for none of the node’s pods stays where it is (${family})`, () => {
      const frame = udp(remote[family], family === 'v4' ? '10.244.1.99' : 'fd00:244:1::99');
      assertIgnored(world.fromNetwork(frame), frame);
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arpFrame, ethernet, etherTypes, ipFrame, type Link, patched } from './frame.ts';
import { assertDropped, assertIgnored, assertPassedOn, assertRedirected } from './outcome.ts';
import { echo, type Payload } from './transport.ts';
import { type Family, node, otherNode, pods, remote, testInWorld } from './world.ts';

const { a } = pods;
const ports = { sourcePort: 4000, destinationPort: 80 };
const ip = 14;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const payloads: Record<string, Payload> = {
      tcp: { kind: 'tcp', ...ports, flags: ['SYN'], headerWords: 7 },
      udp: { kind: 'udp', ...ports },
      sctp: { kind: 'sctp', ...ports },
      icmp: { kind: 'icmp', type: family === 'v4' ? 8 : 128, rest: echo(1) },
    };
    const headerBytes = family === 'v4' ? 20 : 40;
    const out = (payload: Payload, link: Link = {}) =>
      ipFrame({ source: a[family], destination: remote[family], payload }, link);
    const into = (payload: Payload, link: Link = {}) =>
      ipFrame({ source: remote[family], destination: a[family], payload }, link);

    for (const [name, payload] of Object.entries(payloads)) {
      test(`${name} that is cut off anywhere is dropped (${family})`, () => {
        const [sent, received] = [out(payload), into(payload)];
        for (let length = ip + headerBytes; length < sent.length; length++) {
          assertDropped(world.fromPod(sent.subarray(0, length)), 'DROP_INVALID', 'EGRESS');
          assertDropped(world.toPod(received.subarray(0, length)), 'DROP_INVALID', 'INGRESS');
          assertIgnored(world.fromNetwork(received.subarray(0, length)), received.subarray(0, length));
        }
        assertRedirected(world.fromPod(sent), { borders: ['EGRESS'] });
      });

      test(`${name} whose packet ends before its header does is dropped, whatever padding follows (${family})`, () => {
        const [sent, received] = [out(payload), into(payload)];
        for (let bytes = 0; bytes < sent.length - ip - headerBytes; bytes++) {
          assertDropped(world.fromPod(withLength(family, sent, bytes)), 'DROP_INVALID', 'EGRESS');
          assertDropped(world.toPod(withLength(family, received, bytes)), 'DROP_INVALID', 'INGRESS');
        }
      });
    }

    test(`padding behind a packet is let be (${family})`, () => {
      const frame = out({ kind: 'udp', ...ports });
      const padded = new Uint8Array(frame.length + 20);
      padded.set(frame);
      assertRedirected(world.fromPod(padded), { borders: ['EGRESS'] });
    });

    test(`a packet of another version than its frame says is dropped (${family})`, () => {
      const frame = out({ kind: 'udp', ...ports });
      for (const version of [0, 4, 5, 6, 7, 15].filter((value) => value !== (family === 'v4' ? 4 : 6))) {
        const wrong = patched(frame, ip, (version << 4) | (family === 'v4' ? 5 : 0));
        assertDropped(world.fromPod(wrong), 'DROP_INVALID', 'EGRESS', { isSeen: false });
      }
    });

    test(`a TCP header shorter than TCP’s is dropped (${family})`, () => {
      for (const headerWords of [0, 1, 4]) {
        const frame = out({ kind: 'tcp', ...ports, flags: ['SYN'], headerWords });
        assertDropped(world.fromPod(frame), 'DROP_INVALID', 'EGRESS');
      }
    });

    test(`protocols that policy knows nothing of are dropped (${family})`, () => {
      const foreign = family === 'v4' ? 58 : 1;
      for (const protocol of [2, 4, 41, 47, 50, 51, 59, 136, 255, foreign]) {
        const payload: Payload = { kind: 'other', protocol, data: new Uint8Array(40) };
        assertDropped(world.fromPod(out(payload)), 'DROP_UNKNOWN_L4', 'EGRESS');
        assertDropped(world.toPod(into(payload)), 'DROP_UNKNOWN_L4', 'INGRESS');
      }
    });

    test(`tagged frames pass no pod’s border (${family})`, () => {
      for (const etherType of [etherTypes.vlan, etherTypes.serviceVlan]) {
        const link = { tags: [{ etherType, id: 5 }] };
        const [sent, received] = [out({ kind: 'udp', ...ports }, link), into({ kind: 'udp', ...ports }, link)];
        assertDropped(world.fromPod(sent), 'DROP_VLAN', 'EGRESS', { isSeen: false });
        assertDropped(world.toPod(received), 'DROP_VLAN', 'INGRESS', { isSeen: false });
        assertIgnored(world.fromNetwork(received), received);
      }
      const twice = { tags: [etherTypes.serviceVlan, etherTypes.vlan].map((etherType) => ({ etherType, id: 5 })) };
      assertDropped(world.fromPod(out({ kind: 'udp', ...ports }, twice)), 'DROP_VLAN', 'EGRESS', { isSeen: false });
    });

    test(`the node’s own traffic is not the uplink’s business (${family})`, () => {
      for (const payload of Object.values(payloads)) {
        const frame = ipFrame({ source: otherNode[family], destination: node[family], payload });
        assertIgnored(world.fromNetwork(frame), frame);
      }
    });
  }

  test('IPv4 headers of impossible lengths are dropped', () => {
    const frame = ipFrame({ source: a.v4, destination: remote.v4, payload: { kind: 'udp', ...ports } });
    for (const words of [0, 1, 4]) {
      const wrong = patched(frame, ip, 0x40 | words);
      assertDropped(world.fromPod(wrong), 'DROP_INVALID', 'EGRESS', { isSeen: false });
    }
    // Its options reach beyond its end.
    assertDropped(world.fromPod(patched(frame, ip, 0x4f)), 'DROP_INVALID', 'EGRESS', { isSeen: false });
    for (const total of [0, 19]) {
      const wrong = patched(frame, ip + 2, 0, total);
      assertDropped(world.fromPod(wrong), 'DROP_INVALID', 'EGRESS', { isSeen: false });
    }
  });

  test('ARP is left to the node', () => {
    const frame = arpFrame(a.v4, node.v4);
    assertPassedOn(world.fromPod(frame), { borders: [] });
    assertPassedOn(world.toPod(frame), { borders: [] });
    assertIgnored(world.fromNetwork(frame), frame);
  });

  test('frames of other protocols pass no pod’s border', () => {
    // LLDP, MPLS, PPPoE, EAPOL, and a length instead of a type.
    for (const etherType of [0x88cc, 0x8847, 0x8864, 0x888e, 0x0040, 0xffff]) {
      const frame = ethernet(etherType, new Uint8Array(64));
      assertDropped(world.fromPod(frame), 'DROP_UNKNOWN_L3', 'EGRESS', { isSeen: false });
      assertDropped(world.toPod(frame), 'DROP_UNKNOWN_L3', 'INGRESS', { isSeen: false });
      assertIgnored(world.fromNetwork(frame), frame);
    }
  });

  test('what is dropped opens nothing', () => {
    const frame = ipFrame({ source: a.v4, destination: remote.v4, payload: { kind: 'udp', ...ports } });
    assertDropped(world.fromPod(frame.subarray(0, frame.length - 1)), 'DROP_INVALID', 'EGRESS');
    assert.deepEqual(world.datapath().connections(), []);
  });
});

/** The same frame, of which the IP packet claims to be shorter: by so many bytes behind its header. */
function withLength(family: Family, frame: Uint8Array, bytes: number): Uint8Array {
  return family === 'v4' ? patched(frame, ip + 2, 0, 20 + bytes) : patched(frame, ip + 4, 0, bytes);
}

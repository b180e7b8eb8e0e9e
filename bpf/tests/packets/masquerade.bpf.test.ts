import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import type { Struct } from '../../../datapath/sidecarless/tests/struct-codec.ts';
import { ipFrame, patched, quote } from './frame.ts';
import { assertDropped, assertIgnored, assertPassedOn, assertRedirected } from './outcome.ts';
import { readFrame, type SeenPacket } from './seen-frame.ts';
import { echo, type Payload } from './transport.ts';
import { named, node, otherNode, outsider, type Pod, pods, remote, testInWorld, uplinkMtuBytes } from './world.ts';

const { a, b } = pods;
const outward = { borders: ['EGRESS'] } as const;
const inward = { borders: ['INGRESS'] } as const;
const ports = { first: 61000, last: 65535 };
const { CONFIG_EVENTS, CONFIG_MASQUERADE } = numbers.config_flag;

testInWorld(import.meta.filename, (world) => {
  beforeEach(() => world.configure({ flags: CONFIG_EVENTS | CONFIG_MASQUERADE }));

  for (const family of ['v4', 'v6'] as const) {
    const [request, reply, unreachable] = family === 'v4' ? [8, 0, 3] : [128, 129, 1];
    const data = Uint8Array.from({ length: 33 }, (_, index) => index * 7);
    const far = outsider[family];
    const asked: Record<string, Payload> = {
      tcp: { kind: 'tcp', flags: ['SYN'], sourcePort: 40000, destinationPort: 443, data },
      udp: { kind: 'udp', sourcePort: 40000, destinationPort: 53, data },
      echo: { kind: 'icmp', type: request, rest: echo(77), data },
      sctp: { kind: 'sctp', sourcePort: 40000, destinationPort: 9, data },
      ...(family === 'v4' && {
        'udp without a checksum': { kind: 'udp', sourcePort: 40000, destinationPort: 53, data, withoutChecksum: true },
      }),
    };
    const send = (payload: Payload, { pod = a as Pod, to = far, ttl = 64 } = {}) =>
      world.fromPod(ipFrame({ source: pod[family], destination: to, payload, ttl }), pod);
    /** Sends what is masqueraded, and reads it as it goes out. */
    const sendOut = (payload: Payload, options = {}): SeenPacket => {
      const outcome = send(payload, options);
      assertRedirected(outcome, outward);
      const { packet } = readFrame(outcome.frame);
      assert.equal(packet.source, node[family]);
      assert.ok(packet.isHeaderIntact);
      assert.notEqual(packet.isPayloadIntact, false);
      return packet;
    };
    /** What the other side answers to what it has seen. */
    const answer = (payload: Payload, seen: SeenPacket): Uint8Array => {
      const swapped: Payload =
        payload.kind === 'icmp'
          ? { ...payload, type: reply, rest: echo(seen.sourcePort) }
          : ({ ...payload, sourcePort: seen.destinationPort, destinationPort: seen.sourcePort } as Payload);
      const turned: Payload = swapped.kind === 'tcp' ? { ...swapped, flags: ['SYN', 'ACK'] } : swapped;
      return ipFrame({ source: seen.destination, destination: seen.source, payload: turned });
    };
    const udpTo = (destinationPort: number, sourcePort = 40000): Payload => ({
      kind: 'udp',
      sourcePort,
      destinationPort,
    });

    for (const [name, payload] of Object.entries(asked)) {
      test(`${name} leaves with the node’s address, and its answer finds the pod (${family})`, () => {
        world.police(a, 'INGRESS');
        const seen = sendOut(payload);
        const kept = payload.kind === 'sctp';
        if (kept) assert.equal(seen.sourcePort, 40000);
        else assert.ok(seen.sourcePort >= ports.first && seen.sourcePort <= ports.last, `${seen.sourcePort}`);
        assert.deepEqual([seen.destination, seen.ttl], [far, 63]);
        assert.equal(sendOut(payload).sourcePort, seen.sourcePort, 'the same again');

        const outcome = world.fromNetwork(answer(payload, seen));
        assertRedirected(outcome, inward);
        const { to, packet } = readFrame(outcome.frame);
        const back = { to, source: packet.source, destination: packet.destination, port: packet.destinationPort };
        const port = payload.kind === 'icmp' ? 77 : 40000;
        assert.deepEqual(back, { to: a.mac, source: far, destination: a[family], port });
        assert.ok(packet.isHeaderIntact);
        assert.notEqual(packet.isPayloadIntact, false);
        assert.deepEqual(outcome.frame.subarray(-data.length), data);
      });

      for (const quoted of [8, 20, 1000]) {
        test(`an error about ${name}, ${quoted} bytes of it, finds the pod (${family})`, () => {
          const outcome = send(payload);
          const about = quote(outcome.frame, quoted);
          const error: Payload = { kind: 'icmp', type: unreachable, code: 1, data: about };
          const seen = world.fromNetwork(
            ipFrame({ source: remote[family], destination: node[family], payload: error }),
          );
          assertRedirected(seen, { ...inward, told: false });
          const { packet } = readFrame(seen.frame);
          assert.equal(packet.destination, a[family]);
          assert.ok(packet.isHeaderIntact && packet.isPayloadIntact);
          const original = readFrame(
            ipFrame({ source: a[family], destination: far, payload, ttl: 63 }).subarray(0, 14 + about.length),
          );
          assert.deepEqual(packet.quoted, original.packet);
        });
      }
    }

    test(`a UDP checksum that comes out as zero is written as its other form (${family})`, () => {
      const withWord = (word: number): Payload =>
        ({ ...udpTo(53), data: Uint8Array.of(word >> 8, word & 255) }) as Payload;
      const { sourcePort } = sendOut(withWord(0));
      const outside = ipFrame({
        source: node[family],
        destination: far,
        payload: { ...withWord(0), sourcePort } as Payload,
      });
      const at = outside.length - 4;
      const checksum = ((outside[at] ?? 0) << 8) | (outside[at + 1] ?? 0);
      const outcome = send(withWord(checksum));
      assert.deepEqual([...outcome.frame.subarray(at, at + 2)], [255, 255]);
      assert.equal(readFrame(outcome.frame).packet.isPayloadIntact, true);
    });

    test(`two pods’ equal ports become two of the node’s (${family})`, () => {
      const [one, other] = [sendOut(udpTo(53)), sendOut(udpTo(53), { pod: b })];
      assert.notEqual(one.sourcePort, other.sourcePort);
      const toB = world.fromNetwork(answer(udpTo(53), other));
      assertRedirected(toB, inward);
      assert.equal(readFrame(toB.frame).packet.destination, b[family]);
    });

    test(`inside the cluster nothing is masqueraded, outside everything is (${family})`, () => {
      for (const party of [remote, otherNode]) {
        const outcome = send(udpTo(53), { to: party[family] });
        assertRedirected(outcome, outward);
        assert.equal(readFrame(outcome.frame).packet.source, a[family]);
      }
      sendOut(udpTo(53), { to: named[family] });
      assertPassedOn(send(udpTo(53), { to: node[family] }), outward);
    });

    test(`without the flag nothing is masqueraded (${family})`, () => {
      world.configure({ flags: CONFIG_EVENTS });
      const outcome = send(udpTo(53));
      assertRedirected(outcome, outward);
      assert.equal(readFrame(outcome.frame).packet.source, a[family]);
    });

    test(`answers to those who know the pod’s own address are left alone (${family})`, () => {
      const opened = ipFrame({ source: far, destination: a[family], payload: udpTo(8080, 1234) });
      assertRedirected(world.fromNetwork(opened), inward);
      const outcome = send(udpTo(1234, 8080));
      assertRedirected(outcome, outward);
      assert.equal(readFrame(outcome.frame).packet.source, a[family]);
      const error = send({ kind: 'icmp', type: unreachable, data: quote(opened) });
      assertRedirected(error, { ...outward, told: false });
      assert.deepEqual(world.datapath().masquerades(), []);
    });

    test(`policy sees the pod’s own address (${family})`, () => {
      world.police(a, 'EGRESS');
      assertDropped(send(udpTo(53)), 'DROP_POLICY', 'EGRESS');
      assert.deepEqual(world.datapath().masquerades(), []);
    });

    test(`what is for the node itself is not touched (${family})`, () => {
      const { sourcePort } = sendOut(asked.echo as Payload);
      const toNode = (payload: Payload, source = far) => ipFrame({ source, destination: node[family], payload });
      const frames = [
        toNode({ kind: 'icmp', type: request, rest: echo(sourcePort) }),
        toNode({ kind: 'icmp', type: reply, rest: echo(sourcePort) }, named[family]),
        toNode({ kind: 'icmp', type: reply, rest: echo(sourcePort + 1) }),
        toNode({ kind: 'tcp', sourcePort: 443, destinationPort: sourcePort }),
        toNode({ kind: 'icmp', type: unreachable, data: quote(toNode(udpTo(53))) }),
      ];
      for (const frame of frames) assertIgnored(world.fromNetwork(frame), frame);
    });

    test(`what no answer could be told apart by is dropped (${family})`, () => {
      assertDropped(send({ kind: 'icmp', type: family === 'v4' ? 13 : 139 }), 'DROP_UNKNOWN_L4', 'EGRESS');
    });

    test(`errors about what was masqueraded do not leave (${family})`, () => {
      const seen = sendOut(udpTo(53));
      const response = world.fromNetwork(answer(udpTo(53), seen));
      const error = send({ kind: 'icmp', type: unreachable, data: quote(response.frame) });
      assertDropped(error, 'DROP_UNKNOWN_CT', 'EGRESS');
    });

    test(`a node without an address masquerades nothing (${family})`, () => {
      world.configure({ [`node_${family}`]: '::' });
      assertDropped(send(udpTo(53)), 'DROP_NO_NAT_PORT', 'EGRESS');
    });

    test(`a port whose way in was forgotten gets it back (${family})`, () => {
      const seen = sendOut(udpTo(53));
      const [way] = world
        .datapath()
        .masquerades()
        .filter(({ key }) => key.direction === 0);
      world.datapath().deleteMasquerade(way?.key as Struct<'nat_key'>);
      assert.equal(sendOut(udpTo(53)).sourcePort, seen.sourcePort);
      assertRedirected(world.fromNetwork(answer(udpTo(53), seen)), inward);
    });

    test(`a port that another has got is not used on (${family})`, () => {
      const seen = sendOut(udpTo(53));
      const [way] = world
        .datapath()
        .masquerades()
        .filter(({ key }) => key.direction === 0);
      const { key, value } = way ?? assert.fail('there is no way in');
      world.datapath().setMasquerade(key, { ...value, addr: b[family] });
      const again = sendOut(udpTo(53));
      assert.notEqual(again.sourcePort, seen.sourcePort);
      const outcome = world.fromNetwork(answer(udpTo(53), again));
      assert.equal(readFrame(outcome.frame).packet.destination, a[family]);
    });

    test(`when all ports are taken a connection is dropped, and when one is over it is reused (${family})`, () => {
      const taken = takeAll(far, b[family], family === 'v4' ? node.v4 : node.v6);
      assertDropped(send(udpTo(53)), 'DROP_NO_NAT_PORT', 'EGRESS');
      // Another destination has all ports to itself.
      sendOut(udpTo(54));
      for (const { key, value } of taken) world.datapath().setConnection(key, { ...value, expires: 1 });
      const seen = sendOut(udpTo(53));
      const outcome = world.fromNetwork(answer(udpTo(53), seen));
      assertRedirected(outcome, inward);
      assert.equal(readFrame(outcome.frame).packet.destination, a[family]);
    });

    test(`a port whose connection has made room for others stays its own until it has long been idle (${family})`, () => {
      const address = family === 'v4' ? node.v4 : node.v6;
      const ways = takePorts(far, b[family], address, nowNanoseconds());
      assertDropped(send(udpTo(53)), 'DROP_NO_NAT_PORT', 'EGRESS');
      for (const { key, value } of ways) {
        world.datapath().setMasquerade(key, { ...value, last_used: nowNanoseconds() - 61e9 });
      }
      const seen = sendOut(udpTo(53));
      assert.equal(readFrame(world.fromNetwork(answer(udpTo(53), seen)).frame).packet.destination, a[family]);
    });

    test(`what comes for a port that has long been idle is the node’s own (${family})`, () => {
      for (const name of ['tcp', 'udp', 'echo']) {
        const payload = asked[name] as Payload;
        const seen = sendOut(payload);
        const idleFor = (seconds: number): void => {
          for (const { key, value } of world.datapath().masquerades()) {
            world.datapath().setMasquerade(key, { ...value, last_used: nowNanoseconds() - seconds * 1e9 });
          }
        };
        const lifetime = name === 'tcp' ? 8000 : 60;
        const error: Payload = { kind: 'icmp', type: unreachable, code: 1, data: quote(send(payload).frame, 8) };
        const frames = [
          answer(payload, seen),
          ipFrame({ source: remote[family], destination: node[family], payload: error }),
        ];
        for (const frame of frames) {
          idleFor(lifetime + 1);
          assertIgnored(world.fromNetwork(frame), frame);
          idleFor(lifetime - 5);
          assertRedirected(world.fromNetwork(frame), frame === frames[0] ? inward : { ...inward, told: false });
        }
      }
    });

    test(`two pods’ SCTP associations from one port cannot both leave for one place (${family})`, () => {
      sendOut(asked.sctp as Payload);
      assertDropped(send(asked.sctp as Payload, { pod: b }), 'DROP_NO_NAT_PORT', 'EGRESS');
    });

    test(`a packet that the stack refuses is still the pod’s (${family})`, () => {
      const big = { ...udpTo(53), data: new Uint8Array(uplinkMtuBytes) } as Payload;
      const frame = (payload: Payload, ttl: number) =>
        ipFrame({ source: a[family], destination: far, payload, ttl, dontFragment: true });
      for (const refused of [frame(udpTo(53), 1), frame(big, 64), frame(big, 1)]) {
        const outcome = world.fromPod(refused);
        assertPassedOn(outcome, outward);
        assert.deepEqual(outcome.frame, refused);
      }
      assert.deepEqual(world.datapath().masquerades(), []);
    });

    test(`fragments are masqueraded as one datagram (${family})`, () => {
      const payload = { ...udpTo(53), data: new Uint8Array(100).fill(3) } as Payload;
      const fragment = (source: string, destination: string, what: Payload, offset: number, length?: number) =>
        ipFrame({
          ...{ source, destination, payload: what },
          fragment: { id: 9, offset, ...(length !== undefined && { length }) },
        });
      const whole = sendOut(payload);
      const parts = [
        world.fromPod(fragment(a[family], far, payload, 0, 64)),
        world.fromPod(fragment(a[family], far, payload, 64)),
      ];
      const outside = { ...payload, sourcePort: whole.sourcePort } as Payload;
      const expected = [fragment(node[family], far, outside, 0, 64), fragment(node[family], far, outside, 64)];
      parts.forEach((part, index) => {
        assertRedirected(part, outward);
        assert.deepEqual(part.frame, withTtl(expected[index] as Uint8Array, 63));
      });
      const back = { ...payload, sourcePort: 53, destinationPort: whole.sourcePort } as Payload;
      const inside = { ...back, destinationPort: 40000 } as Payload;
      for (const [offset, length] of [
        [0, 64],
        [64, undefined],
      ] as const) {
        const outcome = world.fromNetwork(fragment(far, node[family], back, offset, length));
        assertRedirected(outcome, inward);
        const own = withTtl(fragment(far, a[family], inside, offset, length), 63);
        assert.deepEqual(outcome.frame.subarray(12), own.subarray(12));
      }
    });

    test(`fragments of an echo’s answer find the pod (${family})`, () => {
      const payload: Payload = { kind: 'icmp', type: request, rest: echo(77), data: new Uint8Array(100) };
      const { sourcePort } = sendOut(payload);
      const back = { ...payload, type: reply, rest: echo(sourcePort) };
      for (const fragment of [
        { id: 9, offset: 0, length: 64 },
        { id: 9, offset: 64 },
      ]) {
        const outcome = world.fromNetwork(ipFrame({ source: far, destination: node[family], payload: back, fragment }));
        assertRedirected(outcome, inward);
        assert.equal(readFrame(outcome.frame).packet.destination, a[family]);
      }
    });
  }

  test('a packet that would have to be cut up for the uplink is not masqueraded', () => {
    const payload = { kind: 'udp', sourcePort: 1, destinationPort: 2, data: new Uint8Array(uplinkMtuBytes) } as const;
    const outcome = world.fromPod(ipFrame({ source: a.v4, destination: outsider.v4, payload }));
    assertDropped(outcome, 'DROP_NO_NAT_PORT', 'EGRESS');
  });

  /** Takes all ports of the node for UDP to port 53 of one destination, by a pod's connections that nobody knows of. */
  function takePorts(destination: string, pod: string, address: string, lastUsed: number) {
    const common = { remote: destination, remote_port: 53, protocol: protocols.UDP, pad: 0 };
    return Array.from({ length: ports.last - ports.first + 1 }, (_, index) => {
      const key = { ...common, local: address, local_port: ports.first + index, direction: 0 };
      const value = { addr: pod, port: 1024 + index, pad: 0, pad2: 0, last_used: lastUsed };
      world.datapath().setMasquerade(key, value);
      return { key, value };
    });
  }

  /** The same by connections that are alive. */
  function takeAll(destination: string, pod: string, address: string) {
    const common = { remote: destination, remote_port: 53, protocol: protocols.UDP, pad: 0 };
    const expires = nowNanoseconds() + 1e12;
    return takePorts(destination, pod, address, 0).map(({ value: { port } }) => {
      const key = { ...common, local: pod, local_port: port, icmp_type: 0 };
      const none = new Uint8Array(6);
      const value: Struct<'ct_entry'> = {
        ...{ expires, reported: [0, 0], packets: [0, 1], bytes: [0, 0], peer: 2, rule: 0, epoch: 1, opened: 1 },
        ...{ flags: 0, tcp_flags: new Uint8Array(2), port: 53, pad: none },
      };
      world.datapath().setConnection(key, value);
      return { key, value };
    });
  }
});

/** CLOCK_MONOTONIC, as programs have it. */
function nowNanoseconds(): number {
  return Number(process.hrtime.bigint());
}

/** The frame with another TTL or hop limit, and IPv4's checksum put right. */
function withTtl(frame: Uint8Array, ttl: number): Uint8Array {
  if ((frame[14] ?? 0) >> 4 === 6) return patched(frame, 14 + 7, ttl);
  const was = frame[14 + 8] ?? 0;
  const sum = ((frame[24] ?? 0) << 8) + (frame[25] ?? 0) + ((was - ttl) << 8);
  const folded = (sum & 0xffff) + (sum >> 16);
  return patched(patched(frame, 14 + 8, ttl), 24, folded >> 8, folded & 255);
}

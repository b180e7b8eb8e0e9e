import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { ipFrame } from './frame.ts';
import type { Extension, Fragment } from './ip-packet.ts';
import { assertDropped, assertIgnored, assertRedirected } from './outcome.ts';
import { echo, type Payload } from './transport.ts';
import { outsider, pods, remote, testInWorld } from './world.ts';

const { a, b } = pods;

testInWorld(import.meta.filename, (world) => {
  for (const family of ['v4', 'v6'] as const) {
    const datagram: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53, data: new Uint8Array(100) };
    type Part = Fragment & { from?: string; to?: string; payload?: Payload; innerExtensions?: readonly Extension[] };
    const part = ({ id, offset, length, from = a[family], to = remote[family], payload = datagram, ...more }: Part) =>
      ipFrame({
        ...{ source: from, destination: to, payload, ...more },
        fragment: { id, offset, ...(length !== undefined && { length }) },
      });
    const first = (more: Partial<Part> = {}) => part({ id: 7, offset: 0, length: 64, ...more });
    const later = (more: Partial<Part> = {}) => part({ id: 7, offset: 64, ...more });
    const inward = { from: remote[family], to: a[family] };
    const out = { borders: ['EGRESS'] } as const;

    test(`later fragments go where the first has gone (${family})`, () => {
      world.police(a, 'EGRESS', [{ protocol: protocols.UDP, first: 53, last: 53 }]);
      assertRedirected(world.fromPod(first()), out);
      const passed = world.fromPod(later());
      assertRedirected(passed, out);
      assert.equal(passed.events[0]?.destinationPort, 53);
      assert.equal(world.datapath().connections().length, 1);
    });

    test(`later fragments of what policy denies are dropped (${family})`, () => {
      world.police(a, 'EGRESS', [{ protocol: protocols.UDP, first: 54, last: 54 }]);
      assertDropped(world.fromPod(first()), 'DROP_POLICY', 'EGRESS');
      assertDropped(world.fromPod(later()), 'DROP_POLICY', 'EGRESS');
    });

    test(`a later fragment without the first is dropped at the pod (${family})`, () => {
      assertDropped(world.fromPod(later()), 'DROP_FRAGMENT_NOT_FOUND', 'EGRESS');
      assertDropped(world.toPod(later(inward)), 'DROP_FRAGMENT_NOT_FOUND', 'INGRESS');
      const fromNetwork = later(inward);
      assertIgnored(world.fromNetwork(fromNetwork), fromNetwork);
    });

    test(`fragments belong together by addresses and number, and by protocol in IPv4 (${family})`, () => {
      assertRedirected(world.fromPod(first()), out);
      const otherProtocol = family === 'v4' ? [later({ payload: tcpData })] : [];
      const strangers = [later({ id: 8 }), later({ to: outsider[family] }), ...otherProtocol];
      for (const stranger of strangers) {
        assertDropped(world.fromPod(stranger), 'DROP_FRAGMENT_NOT_FOUND', 'EGRESS');
      }
      assertRedirected(world.fromPod(later()), out);
    });

    test(`fragments from the network find their pod (${family})`, () => {
      world.police(a, 'INGRESS', [{ protocol: protocols.UDP, first: 53, last: 53 }]);
      for (const fragment of [first(inward), later(inward)]) {
        assertRedirected(world.fromNetwork(fragment), { borders: ['INGRESS'] });
      }
    });

    test(`a first fragment in another pod’s name is not noted (${family})`, () => {
      assertRedirected(world.fromPod(first()), out);
      const forged = first({ payload: { ...datagram, destinationPort: 54 } });
      assertDropped(world.fromPod(forged, b), 'DROP_INVALID_SOURCE_IP', 'EGRESS');
      const [{ value } = assert.fail('nothing is noted')] = world.datapath().fragments();
      assert.deepEqual([value.source_port, value.destination_port], [4000, 53]);
    });

    test(`a first fragment from the network in a local pod’s name is not noted (${family})`, () => {
      assertRedirected(world.fromPod(first()), out);
      world.fromNetwork(first({ payload: { ...datagram, destinationPort: 54 } }));
      const [{ value } = assert.fail('nothing is noted')] = world.datapath().fragments();
      assert.deepEqual([value.source_port, value.destination_port], [4000, 53]);
    });

    test(`a first fragment must have the whole of its header (${family})`, () => {
      const payload: Payload = { ...tcpData, data: new Uint8Array(40) };
      for (const length of [8, 16]) {
        assertDropped(world.fromPod(first({ payload, length })), 'DROP_INVALID', 'EGRESS');
      }
      assertRedirected(world.fromPod(first({ payload, length: 24 })), out);
    });

    test(`fragments of echoes have their identifier (${family})`, () => {
      world.police(a, 'INGRESS');
      const [request, reply] = family === 'v4' ? [8, 0] : [128, 129];
      const ping = (type: number): Payload => ({ kind: 'icmp', type, rest: echo(5), data: new Uint8Array(100) });
      assertRedirected(world.fromPod(first({ payload: ping(request) })), out);
      assertRedirected(world.fromPod(later({ payload: ping(request) })), out);
      for (const fragment of [first, later]) {
        const answer = world.fromNetwork(fragment({ ...inward, payload: ping(reply) }));
        assertRedirected(answer, { borders: ['INGRESS'] });
      }
      assert.equal(world.datapath().connections().length, 1);
    });

    test(`fragments of other ICMP are not put together (${family})`, () => {
      const payload: Payload = { kind: 'icmp', type: family === 'v4' ? 13 : 135, data: new Uint8Array(100) };
      assertRedirected(world.fromPod(first({ payload })), out);
      assertDropped(world.fromPod(later({ payload })), 'DROP_FRAGMENT_NOT_FOUND', 'EGRESS');
    });
  }

  test('an atomic fragment is whole', () => {
    const payload: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53 };
    const atomic = { source: a.v6, destination: remote.v6, payload, fragment: { id: 1, offset: 0 } };
    assertRedirected(world.fromPod(ipFrame(atomic)), { borders: ['EGRESS'] });
    assert.deepEqual(world.datapath().fragments(), []);
  });

  test('two fragment headers are one too many', () => {
    const payload: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53, data: new Uint8Array(64) };
    const packet = { source: a.v6, destination: remote.v6, payload, fragment: { id: 1, offset: 0, length: 48 } };
    const frame = ipFrame({ ...packet, innerExtensions: [{ protocol: 44 }] });
    assertDropped(world.fromPod(frame), 'DROP_INVALID_EXTENSION', 'EGRESS');
  });

  test('extension headers may stand before and behind a fragment header', () => {
    const payload: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53, data: new Uint8Array(64) };
    const packet = { source: a.v6, destination: remote.v6, payload, extensions: [{ protocol: 0 }] };
    const whole = { ...packet, innerExtensions: [{ protocol: 60, units: 2 }] };
    world.police(a, 'EGRESS', [{ protocol: protocols.UDP, first: 53, last: 53 }]);
    // Hosts write what stands behind the fragment header into all of them.
    const [first, later] = [
      ipFrame({ ...whole, fragment: { id: 1, offset: 0, length: 48 } }),
      ipFrame({ ...whole, fragment: { id: 1, offset: 48 } }),
    ];
    for (const frame of [first, later]) {
      const outcome = world.fromPod(frame);
      assertRedirected(outcome, { borders: ['EGRESS'] });
      const [event] = outcome.events;
      assert.deepEqual([event?.protocol, event?.destinationPort], [protocols.UDP, 53]);
    }
    assert.equal(world.datapath().connections().length, 1);
  });

  test('what IPv6’s later fragments say that they carry does not count', () => {
    world.police(a, 'EGRESS', [{ protocol: protocols.UDP, first: 53, last: 53 }]);
    const packet = { source: a.v6, destination: remote.v6 };
    const part = (payload: Payload, offset: number, length?: number) =>
      ipFrame({ ...packet, payload, fragment: { id: 1, offset, ...(length !== undefined && { length }) } });
    const datagram: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53, data: new Uint8Array(100) };
    assertRedirected(world.fromPod(part(datagram, 0, 64)), { borders: ['EGRESS'] });
    assertRedirected(world.fromPod(part(tcpData, 64)), { borders: ['EGRESS'] });
    world.police(a, 'EGRESS', [{ protocol: protocols.UDP, first: 54, last: 54 }]);
    world.nextEpoch();
    assertDropped(world.fromPod(part(tcpData, 64)), 'DROP_POLICY', 'EGRESS');
  });
});

const tcpData: Payload = { kind: 'tcp', sourcePort: 4000, destinationPort: 53, data: new Uint8Array(100) };

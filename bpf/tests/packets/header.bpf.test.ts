import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocols } from '../../../datapath/sidecarless/abi/protocols.ts';
import { ipFrame, patched } from './frame.ts';
import { type Extension, extensions } from './ip-packet.ts';
import { assertDropped, assertRedirected } from './outcome.ts';
import type { Payload } from './transport.ts';
import { pods, remote, testInWorld } from './world.ts';

const { a } = pods;
const { hopByHop, routing, destination } = extensions;
const payload: Payload = { kind: 'udp', sourcePort: 4000, destinationPort: 53 };
const only53 = [{ protocol: protocols.UDP, first: 53, last: 53 }];
const out = { borders: ['EGRESS'] } as const;

testInWorld(import.meta.filename, (world) => {
  test('behind IPv4 options of every length the ports are found', () => {
    world.police(a, 'EGRESS', only53);
    for (let length = 4; length <= 40; length += 4) {
      // Options of no operation, which say nothing but look like ports.
      const packet = { source: a.v4, destination: remote.v4, options: new Uint8Array(length).fill(1) };
      assertRedirected(world.fromPod(ipFrame({ ...packet, payload })), out);
      const denied = ipFrame({ ...packet, payload: { ...payload, destinationPort: 54 } });
      assertDropped(world.fromPod(denied), 'DROP_POLICY', 'EGRESS');
    }
    assert.equal(world.datapath().connections().length, 1);
  });

  test('behind IPv4 options a packet that is cut off is dropped', () => {
    const frame = ipFrame({ source: a.v4, destination: remote.v4, options: new Uint8Array(12).fill(1), payload });
    for (let length = 34; length < frame.length; length++) {
      assertDropped(world.fromPod(frame.subarray(0, length)), 'DROP_INVALID', 'EGRESS');
    }
  });

  const withExtensions = (list: readonly Extension[], destinationPort = 53) =>
    ipFrame({
      ...{ source: a.v6, destination: remote.v6, extensions: list },
      payload: { kind: 'udp', sourcePort: 4000, destinationPort },
    });

  test('behind IPv6 extension headers the ports are found', () => {
    world.police(a, 'EGRESS', only53);
    const chains: Extension[][] = [
      [{ protocol: hopByHop }],
      [{ protocol: routing, units: 3 }],
      [{ protocol: destination, units: 32 }],
      [{ protocol: hopByHop, units: 2 }, { protocol: destination }, { protocol: routing, units: 5 }],
      [{ protocol: hopByHop }, { protocol: routing }, { protocol: destination }, { protocol: destination, units: 9 }],
    ];
    for (const chain of chains) {
      assertRedirected(world.fromPod(withExtensions(chain)), out);
      assertDropped(world.fromPod(withExtensions(chain, 54)), 'DROP_POLICY', 'EGRESS');
    }
    assert.equal(world.datapath().connections().length, 1);
  });

  test('six extension headers are looked through, and no more', () => {
    const chain = (length: number): Extension[] => Array.from({ length }, () => ({ protocol: destination }));
    assertRedirected(world.fromPod(withExtensions(chain(6))), out);
    for (const length of [7, 8, 20]) {
      assertDropped(world.fromPod(withExtensions(chain(length))), 'DROP_INVALID_EXTENSION', 'EGRESS');
    }
  });

  test('extension headers that are not known hide what follows, and are dropped', () => {
    // Authentication, ESP, no next header, mobility, HIP, shim6, experiments.
    for (const protocol of [51, 50, 59, 135, 139, 140, 253]) {
      const chains = [[{ protocol }], [{ protocol: hopByHop }, { protocol }]];
      for (const chain of chains) {
        assertDropped(world.fromPod(withExtensions(chain)), 'DROP_UNKNOWN_L4', 'EGRESS');
      }
    }
  });

  test('extension headers that are cut off, or reach beyond the packet, are dropped', () => {
    const frame = withExtensions([{ protocol: hopByHop }, { protocol: destination, units: 2 }]);
    for (let length = 54; length < frame.length; length++) {
      assertDropped(world.fromPod(frame.subarray(0, length)), 'DROP_INVALID', 'EGRESS');
    }
    for (const units of [2, 3, 100, 255]) {
      assertDropped(world.fromPod(patched(frame, 14 + 40 + 8 + 1, units)), 'DROP_INVALID', 'EGRESS');
    }
  });
});

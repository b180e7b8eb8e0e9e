import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../address/address.ts';
import { decode, encode } from '../tests/struct-codec.ts';
import { numbers } from './numbers.ts';
import * as records from './records.ts';
import { type Layout, type LayoutName, layouts } from './structs.ts';

// The layouts are those of the compiler, which a test of theirs holds.

const [mac, nodeMac] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
const frontend = { address: '10.96.0.10', port: 8080, protocol: 6 };
const entry = { identity: 300, direction: 1, protocol: 6, port: 0x1f00, prefixBits: 16, deny: true, rule: 9 } as const;

/** What the agent writes, the struct that programs read it as, and what they are to find there. */
const written: {
  [Name in LayoutName]?: readonly (readonly [bytes: Uint8Array, values: Parameters<typeof encode<Name>>[1]])[];
} = {
  config: [
    [
      records.configRecord({ nodeV4: '192.0.2.1', nodeV6: 'fd00::1', uplink: 3, flags: 5, epoch: 77, reportMs: 5000 }),
      { node_v4: '192.0.2.1', node_v6: 'fd00::1', uplink: 3, flags: 5, epoch: 77, report_ms: 5000 },
    ],
  ],
  endpoint: [
    [
      records.endpointRecord({ id: 7, ifindex: 8, identity: 300, flags: 3, netns: 2n ** 40n, mac, nodeMac }),
      {
        ...{ id: 7, ifindex: 8, identity: 300, flags: 3, netns: 2 ** 40 },
        ...{ mac: Uint8Array.of(2, 0, 0, 0, 0, 1), node_mac: Uint8Array.of(2, 0, 0, 0, 0, 2) },
      },
    ],
  ],
  ipcache_key: [
    [records.ipcacheKey('10.0.0.0', 8), { prefixlen: 104, addr: '10.0.0.0' }],
    [records.ipcacheKey('fd00::', 64), { prefixlen: 64, addr: 'fd00::' }],
  ],
  ipcache_entry: [[records.ipcacheRecord(300, 3, '192.0.2.2'), { identity: 300, flags: 3, node: '192.0.2.2' }]],
  policy_key: [
    [records.policyKey(entry), { prefixlen: 40 + 16, identity: 300, direction: 1, protocol: 6, port: 0x1f00 }],
  ],
  policy_entry: [[records.policyRecord(entry), { rule: 9, deny: 1 }]],
  service_key: [
    [records.serviceKey(frontend, 2), { addr: '10.96.0.10', port: 8080, protocol: 6, slot: 2 }],
    [records.slotKey(records.serviceKey(frontend, 2), 5), { addr: '10.96.0.10', port: 8080, protocol: 6, slot: 5 }],
  ],
  service: [[records.serviceRecord(1, 2, 10_800), { id: 1, count: 2, affinity_seconds: 10_800 }]],
  backend: [
    [records.backendRecord(frontend, true), { addr: '10.96.0.10', port: 8080, protocol: 6, flags: 1 }],
    [records.backendRecord(frontend, false), { addr: '10.96.0.10', port: 8080, protocol: 6, flags: 0 }],
  ],
};

test('programs find every member of what the agent writes where they look for it', () => {
  for (const name of Object.keys(written) as LayoutName[]) {
    for (const [bytes, values] of written[name] ?? []) {
      assert.deepEqual(decode(name, bytes), decode(name, encode(name, values as never)), name);
    }
  }
});

test('the agent reads from a record who it is', () => {
  assert.deepEqual(records.endpointOf(encode('endpoint', { id: 7, ifindex: 8 })), { id: 7, ifindex: 8 });
  assert.equal(records.epochOf(encode('config', { epoch: 77 })), 77);
  const keys = [
    records.ipcacheKey('10.0.0.0', 8),
    records.ipcacheKey('10.1.0.0', 16),
    records.ipcacheKey('fd00::', 64),
  ];
  assert.deepEqual(
    keys.toSorted(records.narrowFirst).map((key) => decode('ipcache_key', key).prefixlen),
    [112, 104, 64],
  );
});

test('what the agent reads of connections by offset is there', () => {
  const peer = '10.0.0.9';
  const masquerade = layouts.nat_entry.members.addr;
  assert.deepEqual(
    [masquerade, layouts.nat_key.members.local].map(([offset]) => offset),
    [0, 0],
  );
  const { local, remote_port: port, protocol } = layouts.ct_key.members;
  assert.deepEqual([local[0], port[0], protocol[0]], [0, 34, 36]);
  const translated = layouts.translation_key.members;
  assert.deepEqual([translated.socket[0], translated.port[0], translated.protocol[0]], [0, 24, 26]);
  const { addr } = layouts.backend.members;
  assert.deepEqual(encode('backend', { addr: peer }).subarray(addr[0], addr[0] + addr[1]), parseAddress(peer));
});

test('sizes are those of the structs', () => {
  const structs: { [Size in keyof typeof records.sizes]: LayoutName | null } = {
    ...{ events: null, config: 'config', address: 'addr', endpoint: 'endpoint' },
    ...{
      ipcacheKey: 'ipcache_key',
      ipcacheEntry: 'ipcache_entry',
      policyKey: 'policy_key',
      policyEntry: 'policy_entry',
    },
    ...{ serviceKey: 'service_key', service: 'service', backend: 'backend' },
    ...{ translationKey: 'translation_key', translation: 'translation' },
    ...{ connectionKey: 'ct_key', connection: 'ct_entry', masqueradeKey: 'nat_key', masquerade: 'nat_entry' },
  };
  for (const [size, name] of Object.entries(structs) as [keyof typeof structs, LayoutName | null][]) {
    if (name !== null) assert.equal(records.sizes[size], (layouts[name] as Layout).size, size);
  }
});

test('flags are those of the header', () => {
  const { CONFIG_SHORTCUT, CONFIG_MASQUERADE, CONFIG_EVENTS } = numbers.config_flag;
  assert.deepEqual(records.configFlags, {
    ...{ shortcut: CONFIG_SHORTCUT, masquerade: CONFIG_MASQUERADE, events: CONFIG_EVENTS },
  });
  const { ENDPOINT_POLICE_INGRESS, ENDPOINT_POLICE_EGRESS, ENDPOINT_NO_SHORTCUT } = numbers.endpoint_flag;
  assert.deepEqual(records.endpointFlags, {
    ...{ policeIngress: ENDPOINT_POLICE_INGRESS, policeEgress: ENDPOINT_POLICE_EGRESS },
    noShortcut: ENDPOINT_NO_SHORTCUT,
  });
  assert.deepEqual(records.ipcacheFlags, {
    ...{ cluster: numbers.ipcache_flag.IPCACHE_CLUSTER, local: numbers.ipcache_flag.IPCACHE_LOCAL },
  });
});

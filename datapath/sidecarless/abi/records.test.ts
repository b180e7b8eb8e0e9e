import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../address/address.ts';
import { decode, encode } from '../tests/struct-codec.ts';
import { configRecord, epochOf } from './config.ts';
import { localBytes, localOf, masqueradedBytes, remoteOf, translationOf } from './connection.ts';
import { endpointOf, endpointRecord } from './endpoint.ts';
import { identityOf, ipcacheKey, ipcacheRecord, narrowFirst } from './ipcache.ts';
import { definitions, numbers } from './numbers.ts';
import { decisionOf, policyKey, policyRecord } from './policy.ts';
import { protocols } from './protocols.ts';
import {
  backendRecord,
  frontendOfBackend,
  frontendOfKey,
  serviceIdOf,
  serviceKey,
  serviceRecord,
  slotKey,
  slotOf,
} from './service.ts';
import type { StructName } from './structs.ts';

// That the table has the compiler's layouts is for its own test to say: bpf/tests/abi.bpf.test.ts.

const [mac, nodeMac] = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
const frontend = { address: '10.96.0.10', port: 8080, protocol: protocols.TCP };
const entry = {
  identity: 300,
  direction: 1,
  protocol: protocols.TCP,
  port: 0x1f00,
  prefixBits: 16,
  deny: true,
  rule: 9,
} as const;

/** What the agent writes, the struct that programs read it as, and what they are to find there. */
const written: {
  [Name in StructName]?: readonly (readonly [bytes: Uint8Array, values: Parameters<typeof encode<Name>>[1]])[];
} = {
  config: [
    [
      configRecord({ nodeV4: '192.0.2.1', nodeV6: 'fd00::1', uplink: 3, flags: 5, epoch: 77, reportMs: 5000 }),
      { node_v4: '192.0.2.1', node_v6: 'fd00::1', uplink: 3, flags: 5, epoch: 77, report_ms: 5000 },
    ],
  ],
  endpoint: [
    [
      endpointRecord({ id: 7, ifindex: 8, identity: 300, flags: 3, netns: 2n ** 40n, mac, nodeMac }),
      {
        ...{ id: 7, ifindex: 8, identity: 300, flags: 3, netns: 2 ** 40 },
        ...{ mac: Uint8Array.of(2, 0, 0, 0, 0, 1), node_mac: Uint8Array.of(2, 0, 0, 0, 0, 2) },
      },
    ],
  ],
  ipcache_key: [
    [ipcacheKey('10.0.0.0', 8), { prefixlen: 104, addr: '10.0.0.0' }],
    [ipcacheKey('fd00::', 64), { prefixlen: 64, addr: 'fd00::' }],
  ],
  ipcache_entry: [[ipcacheRecord(300, 3, '192.0.2.2'), { identity: 300, flags: 3, node: '192.0.2.2' }]],
  policy_key: [
    [
      policyKey(entry),
      {
        prefixlen: definitions.POLICY_STATIC_BITS + 16,
        identity: 300,
        direction: 1,
        protocol: protocols.TCP,
        port: 0x1f00,
      },
    ],
  ],
  policy_entry: [[policyRecord(entry), { rule: 9, deny: 1 }]],
  service_key: [
    [serviceKey(frontend, 2), { addr: '10.96.0.10', port: 8080, protocol: protocols.TCP, slot: 2 }],
    [slotKey(serviceKey(frontend, 2), 5), { addr: '10.96.0.10', port: 8080, protocol: protocols.TCP, slot: 5 }],
  ],
  service: [[serviceRecord(1, 2, 10_800), { id: 1, count: 2, affinity_seconds: 10_800 }]],
  backend: [
    [
      backendRecord(frontend, true),
      { addr: '10.96.0.10', port: 8080, protocol: protocols.TCP, flags: numbers.backend_flag.BACKEND_TERMINATING },
    ],
    [backendRecord(frontend, false), { addr: '10.96.0.10', port: 8080, protocol: protocols.TCP, flags: 0 }],
  ],
};

test('programs find every member of what the agent writes where they look for it', () => {
  for (const name of Object.keys(written) as StructName[]) {
    for (const [bytes, values] of written[name] ?? []) {
      assert.deepEqual(decode(name, bytes), decode(name, encode(name, values as never)), name);
    }
  }
});

test('the agent reads in a record what programs have written there', () => {
  assert.deepEqual(endpointOf(encode('endpoint', { id: 7, ifindex: 8, flags: 5 })), { id: 7, ifindex: 8, flags: 5 });
  assert.equal(epochOf(encode('config', { epoch: 77 })), 77);
  assert.equal(identityOf(encode('ipcache_entry', { identity: 300, flags: 3 })), 300);
  assert.deepEqual(decisionOf(encode('policy_entry', { rule: 9, deny: 1 })), { rule: 9, deny: true });
  assert.deepEqual(decisionOf(encode('policy_entry', { rule: 9 })), { rule: 9, deny: false });
  const { address: addr, port, protocol } = frontend;
  assert.deepEqual(frontendOfKey(encode('service_key', { addr, port, protocol, slot: 4 })), frontend);
  assert.equal(slotOf(encode('service_key', { addr, port, protocol, slot: 4 })), 4);
  assert.equal(serviceIdOf(encode('service', { id: 3, count: 2 })), 3);
  assert.deepEqual(frontendOfBackend(encode('backend', { addr, port, protocol, flags: 1 })), frontend);
  const keys = [ipcacheKey('10.0.0.0', 8), ipcacheKey('10.1.0.0', 16), ipcacheKey('fd00::', 64)];
  assert.deepEqual(
    keys.toSorted(narrowFirst).map((key) => decode('ipcache_key', key).prefixlen),
    [112, 104, 64],
  );
});

test('the agent reads in a key whose connection it is, and with whom', () => {
  const { address: addr, port, protocol } = frontend;
  const translated = encode('translation_key', { socket: 2 ** 40, addr, port, protocol });
  assert.deepEqual(translationOf(translated), { cookie: 2n ** 40n, backend: frontend });
  const ends = { local: '10.0.0.9', remote: addr, local_port: 40_000, remote_port: port, protocol };
  const connection = encode('ct_key', ends);
  assert.deepEqual([localOf(connection), remoteOf(connection)], ['10.0.0.9', frontend]);
  assert.deepEqual(localBytes(connection), parseAddress('10.0.0.9'));
  const masqueraded = masqueradedBytes(encode('nat_key', ends), encode('nat_entry', { addr: '10.0.0.7' }));
  assert.deepEqual(masqueraded, [parseAddress('10.0.0.9'), parseAddress('10.0.0.7')]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { type Frontend, serviceKey } from '../abi/service.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import type { MapEntry } from '../libbpf/map.ts';
import type { Mirror } from '../maps/mirror.ts';
import { ServiceTable } from './services.ts';

const nodes = [{ name: 'one', addresses: ['172.30.0.11'], externalAddresses: [], podCidrs: [] }];
const more = [...nodes, { name: 'two', addresses: ['172.30.0.12'], externalAddresses: [], podCidrs: [] }];
const name = { namespace: 'default', name: 'web' };
const service: V1Service = { spec: { clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort: 30080 }] } };

function tableOf(
  services = memory(),
  backends = memory(),
): { table: ServiceTable; has: (address: string, port: number) => boolean; gone: Frontend[] } {
  const gone: Frontend[] = [];
  const table = new ServiceTable(services, backends, 'one', (backend) => gone.push(backend));
  const has = (address: string, port: number): boolean =>
    services.get(serviceKey({ address, port, protocol: 6 }, 0)) !== null;
  return { table, has, gone };
}

function pod(name: string, hostPort: number | null): PodFacts {
  return {
    namespace: 'default',
    name,
    uid: name,
    node: 'one',
    addresses: [`10.244.1.${name.length}`],
    labels: {},
    namedPorts: [],
    shortcut: true,
    workload: { kind: 'Pod', name: 'web' },
    hostPorts: hostPort === null ? [] : [{ hostAddress: null, hostPort, port: 8080, protocol: 6 }],
  };
}

test('NodePorts come and go with nodes, whichever is known first', () => {
  const { table, has } = tableOf();
  table.set(name, service, []);
  assert.equal(has('172.30.0.11', 30080), false);
  table.setPlaces(nodes, []);
  assert.deepEqual([has('172.30.0.11', 30080), has('172.30.0.12', 30080)], [true, false]);
  table.setPlaces(more, []);
  assert.equal(has('172.30.0.12', 30080), true);
  table.setPlaces(nodes, []);
  assert.deepEqual([has('172.30.0.11', 30080), has('172.30.0.12', 30080)], [true, false]);
  assert.deepEqual(table.nameOf('172.30.0.11', 30080), name);
  table.set(name, null, []);
  assert.deepEqual([has('172.30.0.11', 30080), has('10.96.0.9', 80)], [false, false]);
  table.setPlaces(more, []);
  assert.equal(has('172.30.0.12', 30080), false);
});

test('a host port goes over from a pod that is gone to another, whose it stays', () => {
  const { table, has, gone } = tableOf();
  table.setPlaces(nodes, [pod('a', 8085), pod('bb', null)]);
  assert.deepEqual(table.nameOf('172.30.0.11', 8085), { namespace: 'default', name: 'a' });
  table.setPlaces(nodes, [pod('ccc', 8085)]);
  assert.equal(has('172.30.0.11', 8085), true);
  assert.deepEqual(table.nameOf('172.30.0.11', 8085), { namespace: 'default', name: 'ccc' });
  assert.deepEqual(
    gone.map(({ address }) => address),
    ['10.244.1.1'],
  );
  table.setPlaces(nodes, []);
  assert.equal(has('172.30.0.11', 8085), false);
});

test('host ports are no services', () => {
  const { table } = tableOf();
  table.set(name, service, []);
  table.setPlaces(nodes, [pod('a', 8085)]);
  assert.equal(table.size, 1);
});

test('the numbers of one service are told alone, and none of one that there is not', () => {
  const { table } = tableOf();
  table.set(name, service, []);
  table.set(
    { namespace: 'default', name: 'other' },
    { spec: { clusterIPs: ['10.96.0.10'], ports: [{ port: 81 }] } },
    [],
  );
  const keys = (only?: string) => table.numbered(only).map(({ key }) => key);
  assert.deepEqual(keys(), ['default/web:80', 'default/other:81']);
  assert.deepEqual(keys('default/web'), ['default/web:80']);
  assert.deepEqual(keys('default/none'), []);
});

test('a backend that went while there was no agent is told of by the next one', () => {
  const slice = (addresses: readonly string[]): V1EndpointSlice => ({
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  });
  const maps = [memory(), memory()] as const;
  const first = tableOf(...maps);
  first.table.set(name, service, [slice(['10.244.1.5', '10.244.1.6'])]);
  first.table.settle();
  assert.deepEqual(first.gone, []);
  const next = tableOf(...maps);
  next.table.set(name, service, [slice(['10.244.1.6'])]);
  assert.deepEqual(next.gone, []);
  next.table.settle();
  assert.deepEqual(next.gone, [{ address: '10.244.1.5', port: 8080, protocol: 6 }]);
  assert.equal(maps[1].size, 1);
  next.table.settle();
  assert.equal(next.gone.length, 1);
});

/** A mirror without a map behind it. */
function memory(): Mirror {
  const known = new Map<string, MapEntry>();
  const text = (key: Uint8Array): string => Buffer.from(key).toString('latin1');
  const remove = (keys: readonly Uint8Array[]): boolean => keys.map((key) => known.delete(text(key))).includes(true);
  return {
    get size() {
      return known.size;
    },
    get: (key) => known.get(text(key))?.value ?? null,
    put(entries) {
      for (const entry of entries) known.set(text(entry.key), entry);
      return entries.length > 0;
    },
    remove,
    keepOnly: (keys) =>
      remove([...known.values()].map(({ key }) => key).filter((key) => !keys.some((kept) => text(kept) === text(key)))),
    entries: () => [...known.values()],
  };
}

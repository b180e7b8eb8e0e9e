import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipcacheKey } from '../abi/ipcache.ts';
import { parsePolicy } from '../policy/parse.ts';
import { isPeer } from '../policy/peer-match.ts';
import type { Peer } from '../policy/rule.ts';
import { AddressRanges } from './address-ranges.ts';
import { ipcacheEntries } from './ipcache.ts';

const nodes = [{ name: 'one', addresses: ['172.30.0.11'], externalAddresses: [], podCidrs: ['10.244.1.0/24'] }];
const { rules } = parsePolicy({
  apiVersion: 'cilium.io/v2',
  kind: 'CiliumNetworkPolicy',
  metadata: { name: 'ranges', namespace: 'default' },
  spec: { endpointSelector: {}, egress: [{ toCIDRSet: [{ cidr: '172.30.0.0/16', except: ['172.30.0.2/32'] }] }] },
});

test('a range keeps its number while policies come and go', () => {
  const ranges = new AddressRanges();
  const cluster = { apiServers: [], nodes };
  const [first, second] = ranges.of(rules, cluster).map(({ identity }) => identity.id);
  assert.notEqual(first, second);
  assert.deepEqual(ranges.of([], cluster), []);
  assert.deepEqual(
    ranges.of(rules, cluster).map(({ identity }) => identity.id),
    [first, second],
  );
  assert.deepEqual(Object.keys(ranges.labelsOf(first ?? 0) ?? {}), ['cidr:172.30.0.0/16', 'reserved:world']);
  assert.equal(ranges.labelsOf(2), null);
});

test('a range has the same number in another agent, whichever others came before', () => {
  const other = parsePolicy({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'other', namespace: 'default' },
    spec: { endpointSelector: {}, egress: [{ toCIDR: ['192.0.2.0/24', '172.30.0.0/16'] }] },
  }).rules;
  const cluster = { apiServers: [], nodes };
  const numbers = (ranges: AddressRanges) =>
    new Map(ranges.of([...other, ...rules], cluster).map(({ cidr, identity }) => [cidr.text, identity.id]));
  const later = new AddressRanges();
  later.of(rules, cluster);
  assert.deepEqual(numbers(later), numbers(new AddressRanges()));
});

test('an API server that is no node is in the world, with its own address as range', () => {
  const found = new AddressRanges().of(rules, { apiServers: ['172.30.0.2'], nodes });
  const entries = ipcacheEntries({
    ownNode: 'one',
    ownAddresses: [],
    nodes,
    apiServers: ['172.30.0.2'],
    pods: [],
    ranges: found,
  });
  const key = Buffer.from(ipcacheKey('172.30.0.2', 32));
  const last = entries.findLast((entry) => key.equals(entry.key));
  const { identity } = found.at(-1) ?? assert.fail();
  assert.deepEqual(last?.value.slice(0, 8), new Uint8Array(new Uint32Array([identity.id, 0]).buffer));
  const matches = (peer: Peer): boolean => isPeer([peer], identity);
  const peers = rules.flatMap((rule) => (rule.effect === 'isolate' ? [] : rule.peers));
  assert.equal(peers.some(matches), false, 'it is an exception of the range');
  for (const entity of ['kube-apiserver', 'world', 'cluster'] as const)
    assert.equal(matches({ kind: 'entity', entity }), true);
  for (const entity of ['host', 'remote-node'] as const) assert.equal(matches({ kind: 'entity', entity }), false);
});

test('an address that a node has outside of the cluster is that node, and no range', () => {
  const outside = [{ name: 'two', addresses: ['172.30.0.12'], externalAddresses: ['203.0.113.9'], podCidrs: [] }];
  assert.deepEqual(new AddressRanges().of([], { apiServers: ['203.0.113.9'], nodes: outside }), []);
  const entries = ipcacheEntries({
    ownNode: 'one',
    ownAddresses: [],
    nodes: outside,
    apiServers: [],
    pods: [],
    ranges: [],
  });
  const key = Buffer.from(ipcacheKey('203.0.113.9', 32));
  const remoteNode = 6;
  assert.equal(entries.find((entry) => key.equals(entry.key))?.value[0], remoteNode);
});

test('one that is a node is a node', () => {
  assert.deepEqual(new AddressRanges().of([], { apiServers: ['172.30.0.11'], nodes }), []);
});

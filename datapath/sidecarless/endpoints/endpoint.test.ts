import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf } from '../abi/endpoint.ts';
import { numbers } from '../abi/numbers.ts';
import { decisionOf, policyKey } from '../abi/policy.ts';
import { protocols } from '../abi/protocols.ts';
import { parseAddress } from '../address/address.ts';
import { mirrorOf } from '../maps/mirror.ts';
import type { CompiledPolicy, PolicyEntry } from '../policy/compile.ts';
import { decode, encode } from '../tests/struct-codec.ts';
import { testMap } from '../tests/test-map.ts';
import { openEndpoint } from './endpoint.ts';

const { ENDPOINT_POLICE_INGRESS, ENDPOINT_POLICE_EGRESS } = numbers.endpoint_flag;

const entry = (identity: number, deny = false): PolicyEntry => ({
  ...{ identity, direction: 0, protocol: protocols.TCP, port: 80, prefixBits: 24, rule: 1 },
  deny,
});
const ingress = (...entries: PolicyEntry[]): CompiledPolicy => ({ policeIngress: true, policeEgress: false, entries });
const open: CompiledPolicy = { policeIngress: false, policeEgress: false, entries: [] };
const link = {
  ...{ containerId: 'c', ifname: 'eth0', netns: '/run/netns/c', pod: { namespace: 'n', name: 'p', uid: 'u' } },
  ...{ addresses: ['10.0.0.2'], ifindex: 5, mac: '02:00:00:00:00:01', nodeMac: '02:00:00:00:00:02' },
};
const pod = {
  ...{ namespace: 'n', name: 'p', uid: 'u', node: 'one', addresses: link.addresses, labels: {} },
  ...{ namedPorts: [], hostPorts: [], shortcut: true, workload: { kind: 'Pod', name: 'web' } },
};

async function world(first: CompiledPolicy) {
  const map = testMap();
  const addresses = testMap();
  const policies = {
    async take(entries: Parameters<typeof map.updateAll>[0]) {
      map.updateAll(entries);
      return { id: 7, map };
    },
    replace: () => assert.fail('nobody knows it'),
    remove: async () => undefined,
  };
  const datapath = { connections: testMap(), masqueraded: testMap() };
  const maps = { datapath, policies, endpoints: mirrorOf(addresses) };
  const endpoint = await openEndpoint(maps, link, { pod, identity: 300, policy: first });
  const flags = (): number => endpointOf(addresses.entries()[0]?.value ?? assert.fail()).flags;
  const identities = (): number[] =>
    map
      .entries()
      .map(({ key }) => decode('policy_key', key).identity)
      .toSorted((a, b) => a - b);
  return { map, datapath, endpoint, flags, identities };
}

test('what is no longer allowed goes when it is revoked, and not before', async () => {
  const { endpoint, identities } = await world(ingress(entry(300), entry(301)));
  endpoint.grant(ingress(entry(300), entry(301)));
  assert.equal(endpoint.grant(ingress(entry(301), entry(302))), true);
  assert.deepEqual(identities(), [300, 301, 302]);
  assert.equal(endpoint.revoke(), true);
  assert.deepEqual(identities(), [301, 302]);
  assert.deepEqual([endpoint.grant(ingress(entry(301), entry(302))), endpoint.revoke()], [false, false]);
});

test('what was not revoked, because something else went wrong, is revoked after the next grant', async () => {
  const { endpoint, identities } = await world(ingress(entry(300), entry(301)));
  endpoint.grant(ingress(entry(301)));
  endpoint.grant(ingress(entry(301)));
  assert.equal(endpoint.revoke(), true);
  assert.deepEqual(identities(), [301]);
});

test('a policy that cannot be written cuts the pod off, and leaves nothing behind', async () => {
  const { map, endpoint, flags, identities } = await world(open);
  endpoint.grant(open);
  assert.equal(flags(), 0);
  map.room = 2;
  assert.throws(() => endpoint.grant(ingress(entry(300), entry(301), entry(302))), /no room/);
  assert.equal(flags(), ENDPOINT_POLICE_INGRESS | ENDPOINT_POLICE_EGRESS);
  endpoint.revoke();
  assert.deepEqual(identities(), []);
  map.room = Number.POSITIVE_INFINITY;
  endpoint.grant(ingress(entry(300)));
  endpoint.revoke();
  assert.deepEqual([identities(), flags()], [[300], ENDPOINT_POLICE_INGRESS]);
});

test('an entry that a failed batch has overwritten is written again', async () => {
  const { map, endpoint } = await world(ingress(entry(300, true), entry(301)));
  endpoint.grant(ingress(entry(300, true), entry(301)));
  map.room = 1;
  assert.throws(() => endpoint.grant(ingress(entry(300), entry(302))));
  map.room = Number.POSITIVE_INFINITY;
  endpoint.grant(ingress(entry(300, true), entry(301)));
  endpoint.revoke();
  assert.equal(decisionOf(map.lookup(policyKey(entry(300))) ?? assert.fail()).deny, true, 'denied again');
  assert.equal(map.content.size, 2);
});

test('with a pod its connections go, and what masqueraded packets would still be for; others stay', async () => {
  const { endpoint, datapath } = await world(open);
  const [own, other, node] = ['10.0.0.2', '10.0.0.3', '192.0.2.1'] as const;
  const { connections, masqueraded } = datapath;
  connections.update(encode('ct_key', { local: own }), encode('ct_entry', {}));
  // A connection's value has no address, whatever is in it.
  const value = encode('ct_entry', {});
  value.set(parseAddress(own));
  connections.update(encode('ct_key', { local: other, remote: own }), value);
  const masquerade = (local: string, local_port: number, addr: string): void =>
    masqueraded.update(encode('nat_key', { local, local_port }), encode('nat_entry', { addr }));
  masquerade(own, 1, node);
  masquerade(node, 2, own);
  masquerade(node, 3, other);
  await endpoint.remove();
  const left = (map: typeof connections) => map.entries().map(({ key }) => key);
  assert.deepEqual(left(connections), [encode('ct_key', { local: other, remote: own })]);
  assert.deepEqual(left(masqueraded), [encode('nat_key', { local: node, local_port: 3 })]);
});

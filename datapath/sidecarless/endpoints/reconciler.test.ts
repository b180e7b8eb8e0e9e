import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityOf, ipcacheKey, narrowFirst } from '../abi/ipcache.ts';
import type { NodeFacts } from '../cluster/node-facts.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import { AddressRanges } from '../identities/address-ranges.ts';
import { mirrorOf } from '../maps/mirror.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { parsePolicy } from '../policy/parse.ts';
import type { Rule } from '../policy/rule.ts';
import { RuleTable } from '../policy/rule-table.ts';
import { testMap } from '../tests/test-map.ts';
import { ccnp } from '../tests/test-world.ts';
import type { Endpoint } from './endpoint.ts';
import { Reconciler } from './reconciler.ts';

const init = 5;
const pod = (name: string, node: string, address: string): PodFacts => ({
  ...{ namespace: 'n', name, uid: name, node, addresses: [address], labels: { app: name } },
  ...{ namedPorts: [], hostPorts: [], shortcut: true, workload: { kind: 'Pod', name: 'web' } },
});

/** An endpoint that notes what is done with it, and does not what it is told not to. */
function endpointOf(facts: PodFacts) {
  const done: string[] = [];
  const broken = { grant: false };
  const endpoint = {
    ...{ id: 1, pod: facts, identity: 300, policy: null, link: { addresses: facts.addresses } },
    grant(_policy: CompiledPolicy) {
      done.push('grant');
      if (broken.grant) throw new Error('no room');
      return false;
    },
    revoke() {
      done.push('revoke');
      return false;
    },
  } as unknown as Endpoint;
  return { endpoint, done, broken };
}

function world(pods: PodFacts[], endpoints: Endpoint[] = []) {
  const numbers = new Map<string, number>();
  const ipcache = testMap();
  let epochs = 0;
  const state = {
    nodes: (): NodeFacts[] => [],
    pods: () => pods,
    pod: () => null,
    apiServers: (): string[] => [],
    rules: (): readonly Rule[] => [],
    rulesVersion: 1,
  };
  const registry = { find: ({ app = '' }) => numbers.get(app) ?? null, all: () => [] };
  const reconciler = new Reconciler({
    ...{ state: state as never, registry: registry as never, ipcache: mirrorOf(ipcache, narrowFirst) },
    ...{ table: new RuleTable(), ranges: new AddressRanges(), ownNode: 'one' },
    ownAddresses: () => ['169.254.20.10'],
    endpoints: new Map(endpoints.map((endpoint, index) => [String(index), endpoint])),
    bumpEpoch: () => epochs++,
  });
  const identityAt = (address: string): number => {
    return identityOf(ipcache.lookup(ipcacheKey(address, 32)) ?? assert.fail(`nobody is at ${address}`));
  };
  return { reconciler, state, numbers, ipcache, identityAt, epochs: () => epochs };
}

test('a pod keeps its number until its new labels have one; without any it has none', () => {
  const pods = [pod('a', 'two', '10.0.0.2')];
  const { reconciler, numbers, identityAt } = world(pods);
  reconciler.reconcile();
  assert.equal(identityAt('10.0.0.2'), init);
  numbers.set('a', 300);
  reconciler.reconcile();
  assert.equal(identityAt('10.0.0.2'), 300);
  pods[0] = { ...pod('a', 'two', '10.0.0.2'), labels: { app: 'b' } };
  reconciler.reconcile();
  assert.equal(identityAt('10.0.0.2'), 300);
  numbers.set('b', 301);
  reconciler.reconcile();
  assert.equal(identityAt('10.0.0.2'), 301);
  // Another pod of that name is not that one.
  pods[0] = { ...pod('a', 'two', '10.0.0.2'), uid: 'anew', labels: { app: 'c' } };
  reconciler.reconcile();
  assert.equal(identityAt('10.0.0.2'), init);
});

test('the node is at all addresses of its links, whatever the API knows', () => {
  const { reconciler, state, identityAt } = world([]);
  state.nodes = () => [{ name: 'one', addresses: ['192.0.2.1'], externalAddresses: [], podCidrs: [] }];
  reconciler.reconcile();
  assert.deepEqual(['169.254.20.10', '192.0.2.1', '169.254.1.1'].map(identityAt), [1, 1, 1]);
});

test('a pod whose policy cannot be written holds up nobody, and open connections are told', () => {
  const bad = endpointOf(pod('bad', 'one', '10.0.0.2'));
  const good = endpointOf(pod('good', 'one', '10.0.0.3'));
  const { reconciler, state, identityAt, epochs } = world([], [bad.endpoint, good.endpoint]);
  reconciler.reconcile();
  bad.broken.grant = true;
  const before = epochs();
  state.rulesVersion = 2;
  const failures = reconciler.reconcile();
  assert.equal(reconciler.enforcedVersion, 1);
  assert.deepEqual([...failures.keys()], [bad.endpoint]);
  assert.deepEqual(
    [bad.done, good.done].map((done) => done.slice(-2)),
    [
      ['grant', 'revoke'],
      ['grant', 'revoke'],
    ],
  );
  assert.equal(identityAt('10.0.0.3'), 300);
  assert.equal(epochs(), before + 1);
  bad.broken.grant = false;
  assert.equal(reconciler.reconcile().size, 0);
  assert.equal(reconciler.enforcedVersion, 2);
});

test('addresses that cannot be written are told of, and what is forbidden by now goes all the same', () => {
  const { endpoint, done } = endpointOf(pod('a', 'one', '10.0.0.2'));
  const { reconciler, ipcache, epochs } = world([], [endpoint]);
  ipcache.room = 1;
  assert.throws(() => reconciler.reconcile(), /no room/);
  assert.deepEqual(done, ['grant', 'revoke']);
  ipcache.room = Number.POSITIVE_INFINITY;
  const before = epochs();
  reconciler.reconcile();
  assert.equal(epochs(), before + 1);
});

test('what is said of the API server holds for the pods’ own node where it runs there', () => {
  const { reconciler, state } = world([]);
  const { rules } = parsePolicy(
    ccnp({ endpointSelector: {}, egress: [{ toEntities: ['all'] }], egressDeny: [{ toEntities: ['kube-apiserver'] }] }),
  );
  state.rules = () => rules;
  const node = (name: string, address: string) => ({
    ...{ name, addresses: [address], externalAddresses: [], podCidrs: [] },
  });
  state.nodes = () => [node('one', '192.0.2.1'), node('two', '192.0.2.2')];
  const denied = (): number[] => {
    const { entries } = reconciler.policyOf({ ...pod('a', 'one', '10.0.0.2'), labels: { 'k8s:app': 'a' } });
    return entries.filter(({ deny }) => deny).map(({ identity }) => identity);
  };
  state.apiServers = () => ['192.0.2.2'];
  assert.deepEqual(denied(), [7]);
  state.apiServers = () => ['192.0.2.1'];
  assert.deepEqual(denied(), [1, 7]);
});

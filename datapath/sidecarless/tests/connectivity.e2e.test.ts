import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Pod, V1Service } from '@kubernetes/client-node';
import { addressPlan } from '../../../clusters/netns/address-plan.ts';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { startTestCluster, type TestCluster } from '../../tests/cluster.ts';
import { sidecarless } from '../sidecarless.ts';
import { serverPorts, world } from './connectivity/addresses.ts';
import { type Agents, agentsOf } from './connectivity/agents.ts';
import { describe, disagreement, type Ended, makeAttempts } from './connectivity/attempts.ts';
import type { Addresses } from './connectivity/connection-ends.ts';
import { brief, contradiction } from './connectivity/evidence.ts';
import { loadProgram } from './connectivity/load.ts';
import {
  elsewhere,
  loadPort,
  type PodName,
  pods,
  socketDirectory,
  surroundings,
  workload,
} from './connectivity/manifests.ts';
import { startOutside } from './connectivity/outside.ts';
import { held, hold, probe } from './connectivity/peer.ts';
import { type Attempt, isOutside, reached, type Source, sources } from './connectivity/row.ts';
import { connectivityRows, nodeAddresses } from './connectivity/rows.ts';

const outsideSocket = '/run/outside.sock';
const namespace = 'lab-sidecarless';

/** Whoever takes orders by a socket of its own. */
type Peer = Source | PodName;

testInNamespaces(import.meta.filename, () => {
  const stop = new AbortController();
  let cluster: TestCluster;
  let agents: Agents;
  let addresses: Addresses;
  const clientPods = new Map<string, V1Pod>();

  before(async () => {
    cluster = await startTestCluster('sidecarless', stop.signal);
    const { context, pool } = cluster;
    const { kube, signal } = context;
    await sidecarless.install(context, pool);
    await kube.apply(surroundings(pool), signal);
    await kube.apply(workload(pool), signal);
    await startOutside({
      nodes: cluster.nodePids.map((pid, index) => ({
        pid,
        address: addressPlan.nodeAddress(index + 1),
        podCidr: addressPlan.podCidrOf(index + 1),
      })),
      socket: outsideSocket,
      serverPorts,
      signal: stop.signal,
    });
    const names = Object.keys(pods) as PodName[];
    for (const pod of await cluster.readyPods('app', names.filter((name) => pods[name].isOwn).length)) {
      clientPods.set(pod.metadata?.name ?? '', pod);
    }
    const strangers = await kube.waitFor<V1Pod>(`/api/v1/namespaces/${elsewhere}/pods`, {
      signal,
      timeoutSeconds: 60,
      what: 'the strangers to run',
      condition: (found) => found.length === 2 && found.every(({ status }) => status?.phase === 'Running'),
    });
    const { items } = await kube.json<{ items: V1Service[] }>('GET', '/api/v1/services', { signal });
    addresses = {
      namespace,
      nodes: nodeAddresses,
      controlPlane: addressPlan.controlPlane,
      pods: new Map(
        [...clientPods.values(), ...strangers].map(({ metadata, status }) => [
          metadata?.name as PodName,
          status?.podIP ?? '',
        ]),
      ),
      services: new Map(items.map(({ metadata, spec }) => [metadata?.name ?? '', spec?.clusterIP ?? ''])),
    };
    agents = agentsOf(context, pool);
    await sidecarless.ready(context, pool);
    // Everybody listens once they answer: whoever sends and whoever is only sent to.
    const peers = new Set<Peer>([...sources, ...names]);
    await Promise.all([...peers].map((peer) => probe(socketOf(peer), [])));
    await hold(socketOf('stranger'), [
      { name: 'to a pod', address: addresses.pods.get('distant') ?? '', port: 8080 },
      { name: 'to a service', address: addresses.services.get('distant') ?? '', port: 8080 },
      { name: 'to a NodePort', address: nodeAddresses[1], port: 30090 },
      { name: 'to the world', address: world, port: 8080 },
    ]);
  });
  after(() => stop.abort());

  for (const row of connectivityRows(namespace)) {
    test(row.name, async () => {
      const { kube, signal } = cluster.context;
      const policies = row.policies as KubernetesObject[];
      const names = policies.map(({ metadata }) => metadata?.name ?? '');
      await kube.apply(policies, signal);
      try {
        await inForce(names);
        await assertRow(row.attempts, names);
      } finally {
        await kube.delete(policies, signal);
        await inForce([]);
      }
    });
  }

  test('allow-all-with-metrics-check: what is forwarded is counted, by both nodes', async () => {
    const count = async (): Promise<number[]> =>
      (await agents.metrics()).map((metrics) => metrics.get('cilium_forward_count_total{direction="EGRESS"}') ?? 0);
    const before = await count();
    await assertRow(reached('client', ['far'], '8080/TCP'));
    const now = await count();
    for (const [index, value] of now.entries()) assert.ok(value > (before[index] ?? 0), `${before} ${now}`);
  });

  test('an agent that is killed under load comes back, and no connection notices', async () => {
    assert.deepEqual(await agents.errors(), []);
    const client = clientPods.get('client');
    assert.ok(client !== undefined);
    const program = loadProgram(`http://${addresses.services.get('workload')}:${loadPort}/echo`, 6000);
    const running = cluster.run(client, 'peer', ['node', '-e', program]);
    await delay(1000);
    await agents.kill();
    const { stdout, stderr } = await running;
    const { answered, failed, error } = JSON.parse(stdout || '{}');
    assert.equal(failed, 0, `${failed} of ${answered + failed}: ${error} ${stderr}`);
    assert.ok(answered > 100, `${answered} requests in 6 s`);
    await sidecarless.install(cluster.context, cluster.pool);
    await assertRow(reached('client', ['far'], '8080/TCP'));
  });

  test('no-interrupted-connections: those that were open all the time have been answered all the time', async () => {
    const then = await held(socketOf('stranger'));
    assert.equal(then.length, 4);
    const deadline = Date.now() + 10_000;
    for (;;) {
      const now = await held(socketOf('stranger'));
      for (const { name, failure } of now) assert.equal(failure, null, name);
      const silent = now.filter(({ exchanges }, index) => exchanges <= (then[index]?.exchanges ?? exchanges));
      if (silent.length === 0) break;
      assert.ok(Date.now() < deadline, `nothing more is answered: ${silent.map(({ name }) => name)}`);
      await delay(100);
    }
  });

  test('no-unexpected-packet-drops', async () => {
    const expected = ['Policy denied', 'Policy denied by denylist', 'Multicast and broadcast not supported'];
    const drops = (await agents.metrics()).flatMap((metrics) =>
      [...metrics].filter(([name, count]) => name.startsWith('cilium_drop_count_total') && count > 0),
    );
    assert.ok(drops.length > 0);
    assert.deepEqual(
      drops.filter(([name]) => !expected.some((reason) => name.includes(`reason="${reason}"`))),
      [],
    );
  });

  test('check-log-errors: the agents have logged none', async () => {
    assert.deepEqual(await agents.errors(), []);
  });

  /** Waits until both agents enforce these policies, and no others. */
  async function inForce(names: readonly string[]): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const known = await agents.policies();
      if (known.every((list) => list?.toSorted().join() === names.toSorted().join())) return;
      assert.ok(Date.now() < deadline, `the agents enforce ${JSON.stringify(known)}`);
      await delay(20);
    }
  }

  /** Makes all attempts of a row at once, and holds what the clients saw and what the flows tell against it. */
  async function assertRow(attempts: readonly Attempt[], policies: readonly string[] = []): Promise<void> {
    const since = await agents.lastFlow();
    const ended = await makeAttempts(attempts, addresses, socketOf);
    const complaints = (of: (one: Ended) => string | null): string[] =>
      ended.flatMap((one) => {
        const complaint = of(one);
        return complaint === null ? [] : [`${describe(one.attempt)} (port ${one.probed.port}): ${complaint}`];
      });
    assert.deepEqual(
      complaints((one) => disagreement(one, addresses)),
      [],
    );
    const deadline = Date.now() + 10_000;
    for (;;) {
      const flows = await agents.flows(since);
      const contradictions = complaints((one) => contradiction(one, flows, addresses, policies));
      if (contradictions.length === 0) return;
      if (Date.now() > deadline) assert.fail([...contradictions, ...flows.map(brief)].join('\n'));
      await delay(50);
    }
  }

  function socketOf(peer: Peer): string {
    if (isOutside(peer)) return outsideSocket;
    return `/proc/${cluster.nodePids[pods[peer].node]}/root${socketDirectory}/${peer}.sock`;
  }
});

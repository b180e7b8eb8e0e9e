import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CoreV1Event, KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { object, type TestCluster } from '../../tests/cluster.ts';
import { clientAndServers } from '../tests/client-and-servers.ts';
import type { Condition, PolicyDocument } from './condition.ts';

const cnps = '/apis/cilium.io/v2/namespaces/lab-sidecarless/ciliumnetworkpolicies';
const ccnps = '/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies';
const timeoutSeconds = 15;

testInNamespaces(import.meta.filename, () => {
  let cluster: TestCluster;
  let pods: ReadonlyMap<string, V1Pod>;

  before(async () => {
    ({ cluster, pods } = await clientAndServers());
  });

  const servers = { matchExpressions: [{ key: 'app', operator: 'In', values: ['near', 'far'] }] };
  const allowance = { fromEndpoints: [{ matchLabels: { app: 'client' } }], toPorts: [{ ports: [{ port: '8080' }] }] };
  const good = { endpointSelector: servers, ingress: [allowance] };
  const withHttp = {
    ...good,
    ingress: [{ ...allowance, toPorts: [{ ports: [{ port: '8080' }], rules: { http: [{ method: 'GET' }] } }] }],
  };

  test('a policy is valid, is given a field that is not supported, and is mended', async () => {
    const name = 'mended';
    await apply(cilium(name, good));
    const first = await judged(cnps, name, 'True');
    await assertTraffic(true);
    assert.deepEqual(await tableRow(cnps, name), 'True');
    assert.deepEqual(await eventsOf(first), []);
    await assertSettled(cnps, name);

    await apply(cilium(name, withHttp));
    const second = await judged(cnps, name, 'False');
    await assertTraffic(false);
    const valid = conditionOf(second);
    assert.equal(valid?.observedGeneration, second.metadata?.generation);
    assert.equal(valid?.reason, 'PolicyInvalid');
    assert.match(valid?.message ?? '', /spec\.ingress\[0\]\.toPorts\[0\]\.rules: not supported/);
    assert.equal(await tableRow(cnps, name), 'False');
    const [event, ...more] = await eventsOf(second);
    assert.deepEqual(
      [more, event?.type, event?.reason, event?.message, event?.metadata.namespace],
      [[], 'Warning', 'PolicyInvalid', valid?.message, 'lab-sidecarless'],
    );
    await assertSettled(cnps, name);

    await apply(cilium(name, good));
    await judged(cnps, name, 'True');
    await assertTraffic(true);
    assert.equal((await eventsOf(second)).length, 1);
    await remove(cilium(name, good));
  });

  test('what stands beside the specification reaches the agents, and closes', async () => {
    const misplaced = { ...cilium('misplaced', good), ingressDeny: [{ fromEntities: ['world'] }] };
    await apply(misplaced);
    const policy = await judged(cnps, 'misplaced', 'False');
    assert.match(conditionOf(policy)?.message ?? '', /ingressDeny: unknown field/);
    await assertTraffic(false);
    await remove(misplaced);
    await assertTraffic(true);
  });

  test('events of a clusterwide policy are in the namespace default', async () => {
    const clusterwide = object({
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumClusterwideNetworkPolicy',
      metadata: { name: 'names' },
      spec: {
        endpointSelector: { matchLabels: { app: 'client' } },
        egress: [{ toFQDNs: [{ matchName: 'example.org' }] }],
      },
    });
    await apply(clusterwide);
    const policy = await judged(ccnps, 'names', 'False');
    await assertTraffic(false);
    assert.deepEqual(
      (await eventsOf(policy)).map(({ metadata, reason }) => [metadata.namespace, reason]),
      [['default', 'PolicyInvalid']],
    );
    await remove(clusterwide);
    await assertTraffic(true);
  });

  test('a NetworkPolicy that the API server lets in and the agents cannot enforce', async () => {
    const policy = object({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'by-hash', namespace: 'lab-sidecarless' },
      spec: {
        podSelector: servers,
        ingress: [
          {
            from: [
              { podSelector: { matchLabels: { app: 'client' } } },
              { podSelector: { matchExpressions: [{ key: 'pod-template-hash', operator: 'NotIn', values: ['x'] }] } },
            ],
          },
        ],
      },
    });
    await apply(policy);
    await assertTraffic(false);
    const path = '/apis/networking.k8s.io/v1/namespaces/lab-sidecarless/networkpolicies/by-hash';
    const there = await cluster.context.kube.json<PolicyDocument>('GET', path);
    const events = await until('an event', async () => {
      const found = await eventsOf(there);
      return found.length > 0 ? found : null;
    });
    assert.deepEqual(
      events.map(({ reason, message }) => [
        reason,
        /ingress\[0\]\.from\[1\]\.podSelector.*differs/.test(message ?? ''),
      ]),
      [['PolicyInvalid', true]],
    );
    await remove(policy);
    await assertTraffic(true);
  });

  function cilium(name: string, spec: object): KubernetesObject {
    const metadata = { name, namespace: cluster.pool.namespace };
    return object({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata, spec });
  }

  async function apply(policy: KubernetesObject): Promise<void> {
    await cluster.context.kube.apply([policy], cluster.context.signal);
  }

  async function remove(policy: KubernetesObject): Promise<void> {
    await cluster.context.kube.delete([policy], cluster.context.signal);
  }

  /** The object, when its newest generation is judged so. */
  function judged(list: string, name: string, status: string): Promise<PolicyDocument> {
    return until(`${name} to be ${status}`, async () => {
      const policy = await cluster.context.kube.json<PolicyDocument>('GET', `${list}/${name}`);
      const valid = conditionOf(policy);
      return valid?.observedGeneration === policy.metadata?.generation && valid?.status === status ? policy : null;
    });
  }

  /** That no agent writes again, whichever was the first. */
  async function assertSettled(list: string, name: string): Promise<void> {
    const version = async (): Promise<string | undefined> =>
      (await cluster.context.kube.json<PolicyDocument>('GET', `${list}/${name}`)).metadata?.resourceVersion;
    const before = await version();
    // Longer than any of them waits before the first attempt.
    await delay(1500);
    assert.equal(await version(), before);
  }

  /** What `kubectl get` prints in the column `Valid`. */
  async function tableRow(list: string, name: string): Promise<unknown> {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    type Table = { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    const { columnDefinitions, rows } = await cluster.context.kube.json<Table>('GET', `${list}/${name}`, {
      headers: { accept },
    });
    return rows[0]?.cells[columnDefinitions.findIndex((column) => column.name === 'Valid')];
  }

  /** What `kubectl describe` prints: the events that name the object. */
  async function eventsOf({ metadata }: PolicyDocument): Promise<CoreV1Event[]> {
    const { items } = await cluster.context.kube.json<{ items: CoreV1Event[] }>('GET', '/api/v1/events', {
      query: { fieldSelector: `involvedObject.name=${metadata?.name},involvedObject.uid=${metadata?.uid}` },
    });
    return items;
  }

  /** That the client comes to reach both servers, or neither of them. */
  async function assertTraffic(isReached: boolean): Promise<void> {
    await until(`traffic to be ${isReached ? 'allowed' : 'denied'}`, async () => {
      const reached = await Promise.all([connect('near'), connect('far')]);
      return reached.every((one) => one === isReached) ? true : null;
    });
  }

  async function connect(to: string): Promise<boolean> {
    const client = pods.get('client');
    assert.ok(client !== undefined);
    const script = `require('net').connect({ host: '${pods.get(to)?.status?.podIP}', port: 8080, timeout: 500 })
      .on('connect', () => process.exit(0)).on('error', () => process.exit(1)).on('timeout', () => process.exit(2))`;
    return (await cluster.run(client, 'app', ['node', '-e', script])).exitCode === 0;
  }
});

function conditionOf({ status }: PolicyDocument): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Valid');
}

async function until<T>(what: string, read: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const found = await read();
    if (found !== null) return found;
    assert.ok(Date.now() < deadline, `waited ${timeoutSeconds} s for ${what}`);
    await delay(50);
  }
}

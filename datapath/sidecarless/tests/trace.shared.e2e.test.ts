import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import type { FlowLine, FlowQuery } from '../../flow-query.ts';
import type { PolicyAnswer, PolicyPeer } from '../../policy-question.ts';
import { object, type TestCluster } from '../../tests/cluster.ts';
import { sidecarlessFlows } from '../flows.ts';
import { traceSidecarless } from '../trace.ts';
import { clientAndServers } from './client-and-servers.ts';
import { traceCases } from './trace-cases.ts';

/** For a connection that nobody answers, and for one that somebody should. */
const [silenceMs, answerMs] = [500, 10_000];

testInNamespaces(import.meta.filename, () => {
  let cluster: TestCluster;
  let pods: ReadonlyMap<string, V1Pod>;

  before(async () => {
    ({ cluster, pods } = await clientAndServers());
  });

  for (const { name, policies, attempts } of traceCases('lab-sidecarless')) {
    test(`trace says what traffic does: ${name}`, async () => {
      const { kube, signal } = cluster.context;
      await kube.apply(policies as KubernetesObject[], signal);
      try {
        for (const { to, port, egress, ingress } of attempts) {
          const target = podOf(to);
          const what = `client to ${to}:${port}`;
          const client = podOf('client');
          await until(what, async () => {
            const answers = [
              await ask(client, 'egress', { address: addressOf(target) }, port),
              await ask(target, 'ingress', { address: addressOf(client) }, port),
            ];
            return { found: answers.map(inShort), expected: [egress, ingress] };
          });
          const since = await newestTime();
          const isAllowed = [egress, ingress].every((answer) => answer.startsWith('allowed'));
          const patienceMs = isAllowed ? answerMs : silenceMs;
          assert.equal(await connect(client, addressOf(target), port, patienceMs), isAllowed, what);
          const verdict = isAllowed ? 'FORWARDED' : 'DROPPED';
          await until(`${what}: a flow that is ${verdict}`, async () => {
            const lines = await flows({
              pods: ['lab-sidecarless/client'],
              ports: [port],
              verdicts: [verdict.toLowerCase()],
            });
            const found = lines.filter(({ time }) => time > since).map(({ text }) => text);
            const isLine = (text: string): boolean =>
              text.includes(`lab-sidecarless/${to}:${port} (ID:`) &&
              / (FORWARDED|DROPPED) \(TCP Flags: SYN\)$/.test(text);
            return { found: found.some(isLine) ? true : found, expected: true };
          });
        }
      } finally {
        await kube.delete(policies as KubernetesObject[], signal);
        await until('no policies', async () => {
          const answer = await ask(podOf('client'), 'egress', { address: addressOf(podOf('far')) }, 8080);
          const other = await ask(podOf('far'), 'ingress', { address: addressOf(podOf('client')) }, 8080);
          return { found: [inShort(answer), inShort(other)], expected: ['allowed no-policy', 'allowed no-policy'] };
        });
      }
    });
  }

  test('peers that are no pods: the node, ranges, and the world that is in none', async () => {
    const { kube, signal } = cluster.context;
    const policies = [
      object({
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata: { name: 'ranges', namespace: cluster.pool.namespace },
        spec: {
          endpointSelector: { matchLabels: { app: 'client' } },
          ingress: [{ fromCIDR: ['0.0.0.0/0'] }],
          egress: [{ toCIDRSet: [{ cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] }] }],
        },
      }),
    ];
    await kube.apply(policies, signal);
    try {
      const client = podOf('client');
      const expected: [PolicyPeer, 'egress' | 'ingress', string][] = [
        [{ address: '192.0.2.1' }, 'egress', 'allowed ranges spec.egress[0]'],
        [{ address: '192.0.2.129' }, 'egress', 'denied default-deny ranges'],
        [{ entity: 'world' }, 'egress', 'denied default-deny ranges'],
        [{ entity: 'world' }, 'ingress', 'allowed ranges spec.ingress[0]'],
        [{ entity: 'host' }, 'ingress', 'allowed implicit'],
        [{ address: client.status?.hostIP ?? '' }, 'ingress', 'allowed implicit'],
        [{ address: podOf('far').status?.hostIP ?? '' }, 'ingress', 'denied default-deny ranges'],
        [{ entity: 'remote-node' }, 'ingress', 'denied default-deny ranges'],
      ];
      for (const [peer, direction, answer] of expected) {
        await until(JSON.stringify(peer), async () => ({
          found: inShort(await ask(client, direction, peer, 80)),
          expected: answer,
        }));
      }
      const { peer, disagreement, rule } = await ask(client, 'egress', { address: '192.0.2.1' }, 80);
      assert.ok(peer.labels.includes('cidr:192.0.2.0/24'), peer.labels.join(' '));
      assert.equal(rule?.says, 'to 192.0.2.0/24 but not 192.0.2.128/25, on everything');
      assert.equal(disagreement, null);
    } finally {
      await kube.delete(policies, signal);
    }
  });

  test('the API server is judged by its address, which is no node’s here', async () => {
    const { kube, signal } = cluster.context;
    const spec = { endpointSelector: { matchLabels: { app: 'client' } } };
    for (const [egress, answer] of [
      [[{ toEntities: ['kube-apiserver'] }], 'allowed to-api spec.egress[0]'],
      [[{ toEntities: ['world'] }], 'allowed to-api spec.egress[0]'],
      [[{ toEntities: ['remote-node'] }], 'denied default-deny to-api'],
    ] as const) {
      const metadata = { name: 'to-api', namespace: cluster.pool.namespace };
      const policy = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata, spec: { ...spec, egress } };
      await kube.apply([object(policy)], signal);
      await until(JSON.stringify(egress), async () => ({
        found: inShort(await ask(podOf('client'), 'egress', { entity: 'kube-apiserver' }, 6443)),
        expected: answer,
      }));
      await kube.delete([object(policy)], signal);
    }
  });

  test('a policy that cannot be enforced as written says so where it decides', async () => {
    const { kube, signal } = cluster.context;
    const policies = [
      object({
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata: { name: 'with-http', namespace: cluster.pool.namespace },
        spec: {
          endpointSelector: { matchLabels: { app: 'near' } },
          ingress: [{ toPorts: [{ ports: [{ port: '8080' }], rules: { http: [{ method: 'GET' }] } }] }],
        },
      }),
    ];
    await kube.apply(policies, signal);
    try {
      await until('its problem', async () => {
        const { selectedBy } = await ask(podOf('near'), 'ingress', { address: addressOf(podOf('client')) }, 8080);
        return { found: selectedBy, expected: [withHttp(cluster.pool.namespace)] };
      });
    } finally {
      await kube.delete(policies, signal);
    }
  });

  test('a pod that is not there is refused by its node’s agent', async () => {
    const { context, pool } = cluster;
    const pod = { namespace: pool.namespace, name: 'nobody' };
    const question = {
      pod,
      node: pool.nodes[0],
      direction: 'egress',
      peer: { entity: 'world' },
      protocol: 'TCP',
      port: 80,
    } as const;
    await assert.rejects(traceSidecarless(context, pool, question), /lab-sidecarless\/nobody is not connected/);
  });

  test('who follows is told when an agent goes and comes, and sees what comes after', async () => {
    const { kube } = cluster.context;
    const { systemNamespace, nodes } = cluster.pool;
    const following = new AbortController();
    const lines: FlowLine[] = [];
    const context = { ...cluster.context, signal: following.signal };
    const query = { ...plain, follow: true, last: 0, filter: { pods: ['lab-sidecarless/client'], types: ['trace'] } };
    const done = sidecarlessFlows(context, cluster.pool, query, (line) => lines.push(line));
    const seen = (what: RegExp) => lines.some(({ text }) => what.test(text));
    const talk = async (): Promise<boolean> => connect(podOf('client'), addressOf(podOf('near')), 8080, answerMs);

    await untilTalked(/near:8080 .* FORWARDED/);
    const agents = await kube.json<{ items: V1Pod[] }>('GET', `/api/v1/namespaces/${systemNamespace}/pods`);
    const first = agents.items.find(({ spec }) => spec?.nodeName === nodes[0]);
    await kube.json('DELETE', `/api/v1/namespaces/${systemNamespace}/pods/${first?.metadata?.name}`, {
      query: { gracePeriodSeconds: '0' },
    });
    await until('that it is gone', async () => ({ found: seen(/^sidecarless-1: .*; waiting/), expected: true }));
    await until('that it is back', async () => ({
      found: seen(/^sidecarless-1: its agent answers again$/),
      expected: true,
    }));
    lines.length = 0;
    await untilTalked(/near:8080 .* FORWARDED/);
    following.abort();
    await done;
    const uuids = lines.flatMap((line) =>
      line.kind === 'flow' ? [(line.json as { flow: { uuid: string } }).flow.uuid] : [],
    );
    assert.equal(new Set(uuids).size, uuids.length, 'no flow is told twice');

    async function untilTalked(what: RegExp): Promise<void> {
      await until(`a line like ${what}`, async () => {
        assert.equal(await talk(), true);
        return { found: seen(what), expected: true };
      });
    }
  });

  function podOf(app: string): V1Pod {
    const pod = pods.get(app);
    assert.ok(pod !== undefined, app);
    return pod;
  }

  function ask(pod: V1Pod, direction: 'egress' | 'ingress', peer: PolicyPeer, port: number): Promise<PolicyAnswer> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const node = pod.spec?.nodeName ?? '';
    const question = { pod: { namespace, name }, node, direction, peer, protocol: 'TCP', port } as const;
    return traceSidecarless(cluster.context, cluster.pool, question);
  }

  async function connect(pod: V1Pod, address: string, port: number, patienceMs: number): Promise<boolean> {
    const script = `require('net').connect({ host: '${address}', port: ${port}, timeout: ${patienceMs} })
      .on('connect', () => process.exit(0)).on('error', () => process.exit(1)).on('timeout', () => process.exit(2))`;
    return (await cluster.run(pod, 'app', ['node', '-e', script])).exitCode === 0;
  }

  async function flows(filter: FlowQuery['filter'], last = 100): Promise<Extract<FlowLine, { time: string }>[]> {
    const lines: FlowLine[] = [];
    await sidecarlessFlows(cluster.context, cluster.pool, { ...plain, last, filter }, (line) => lines.push(line));
    return lines.flatMap((line) => (line.kind === 'notice' ? assert.fail(line.text) : [line]));
  }

  async function newestTime(): Promise<string> {
    const times = (await flows({}, 1)).map(({ time }) => time);
    return times.sort().at(-1) ?? '';
  }
});

const plain: FlowQuery = { filter: {}, last: 20, follow: false, colour: false, nodeNames: false };

function withHttp(namespace: string): object {
  const problems = ['spec.ingress[0].toPorts[0].rules: not supported'];
  return { kind: 'CiliumNetworkPolicy', namespace, name: 'with-http', problems };
}

/** `allowed no-policy`, `denied name spec.egressDeny[0]`, `denied default-deny name`. */
function inShort({ verdict, decidedBy, rule, selectedBy, disagreement }: PolicyAnswer): string {
  if (disagreement !== null) return disagreement;
  if (decidedBy === 'rule') return `${verdict} ${rule?.name} ${rule?.path}`;
  if (decidedBy === 'default-deny') return `${verdict} ${decidedBy} ${selectedBy.map(({ name }) => name).join(' ')}`;
  return `${verdict} ${decidedBy}`;
}

/** Policies and flows take a moment to arrive. */
async function until(what: string, read: () => Promise<{ found: unknown; expected: unknown }>): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const { found, expected } = await read();
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    if (Date.now() > deadline) assert.deepEqual(found, expected, what);
    await delay(50);
  }
}

function addressOf({ status }: V1Pod): string {
  return status?.podIP ?? '';
}

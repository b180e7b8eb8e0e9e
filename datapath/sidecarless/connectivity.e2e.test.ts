import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Pod, V1Service } from '@kubernetes/client-node';
import { tryExec } from '../../clusters/exec.ts';
import { enter } from '../../clusters/netns/namespace.ts';
import { testInNamespaces } from '../../clusters/netns/test-namespaces.ts';
import { object, startTestCluster, type TestCluster } from '../test-cluster.ts';
import { askAgent } from './agent-client.ts';
import { type Attempt, connectivityRows, type Outcome } from './connectivity.ts';
import { Flow, portsOf } from './flow/flow.ts';
import { sidecarless } from './sidecarless.ts';

/** Long enough for a SYN that is allowed, short enough for one that is dropped. */
const connectSeconds = 0.5;

testInNamespaces(import.meta.filename, () => {
  const stop = new AbortController();
  let cluster: TestCluster;
  const pods = new Map<string, V1Pod>();
  let serviceAddress = '';

  before(async () => {
    cluster = await startTestCluster('sidecarless', stop.signal);
    const { context, pool } = cluster;
    await sidecarless.install(context, pool);
    await context.kube.apply(manifests(cluster), stop.signal);
    for (const pod of await cluster.readyPods('app', 4)) pods.set(pod.metadata?.labels?.app ?? '', pod);
    await sidecarless.ready(context, pool);
    const service = await context.kube.json<V1Service>('GET', `/api/v1/namespaces/${pool.namespace}/services/workload`);
    serviceAddress = service.spec?.clusterIP ?? '';
  });
  after(() => stop.abort());

  for (const { name, policies, attempts } of connectivityRows('lab-sidecarless')) {
    test(name, async () => {
      const { kube, signal } = cluster.context;
      await kube.apply(policies as KubernetesObject[], signal);
      try {
        await inForce(policies.map((policy) => (policy as KubernetesObject).metadata?.name ?? ''));
        for (const attempt of attempts) {
          const what = `${attempt.from} to ${attempt.to}:${attempt.port}`;
          const since = await lastFlow();
          const reached = await connect(attempt);
          assert.equal(reached, attempt.outcome === 'reached', `${what}: ${attempt.outcome}`);
          if (attempt.from !== 'node' && attempt.to !== 'itself') await assertFlow(attempt, since, what);
        }
      } finally {
        await kube.delete(policies as KubernetesObject[], signal);
        await inForce([]);
      }
    });
  }

  test('an agent that is killed under load comes back, and no connection notices', async () => {
    const { kube, signal } = cluster.context;
    const { systemNamespace } = cluster.pool;
    const client = pods.get('client');
    assert.ok(client !== undefined);
    const script = load(`http://${serviceAddress}:8080/echo`, 6000);
    const running = cluster.run(client, 'app', ['node', '-e', script]);
    await delay(1000);
    const agents = await kube.json<{ items: V1Pod[] }>('GET', `/api/v1/namespaces/${systemNamespace}/pods`);
    for (const { metadata } of agents.items) {
      await kube.json('DELETE', `/api/v1/namespaces/${systemNamespace}/pods/${metadata?.name}`, {
        query: { gracePeriodSeconds: '0' },
      });
    }
    const { stdout, stderr } = await running;
    const { answered, failed, error } = JSON.parse(stdout || '{}');
    assert.equal(failed, 0, `${failed} of ${answered + failed}: ${error} ${stderr}`);
    assert.ok(answered > 100, `${answered} requests in 6 s`);
    await sidecarless.install(cluster.context, cluster.pool);
    assert.equal(await connect({ from: 'client', to: 'far', port: 8080, outcome: 'reached' }), true);
    signal.throwIfAborted();
  });

  /** Waits until both agents know these policies, and no others. */
  async function inForce(names: readonly string[]): Promise<void> {
    const { context, pool } = cluster;
    const deadline = Date.now() + 5000;
    for (const node of pool.nodes) {
      for (;;) {
        const { policies } = await askAgent<{ policies: { name: string }[] }>(context, {
          namespace: pool.systemNamespace,
          node,
          path: '/status',
        });
        const known = policies.map(({ name }) => name).sort();
        if (JSON.stringify(known) === JSON.stringify([...names].sort())) break;
        assert.ok(Date.now() < deadline, `${node} knows ${known.join(', ') || 'no policies'}`);
        await delay(20);
      }
    }
  }

  async function connect({ from, to, port }: Attempt): Promise<boolean> {
    const { pool } = cluster;
    const address = addressOf(to, from);
    const script = `require('net').connect({ host: '${address}', port: ${port}, timeout: ${connectSeconds * 1000} })
      .on('connect', () => process.exit(0)).on('error', () => process.exit(1)).on('timeout', () => process.exit(2))`;
    if (from === 'node') {
      const [file, args] = enter(cluster.nodePids[0] ?? 0, process.execPath, ['-e', script]);
      return (await tryExec(file, args)).exitCode === 0;
    }
    const pod = pods.get(from);
    assert.ok(pod !== undefined, pool.name);
    return (await cluster.run(pod, 'app', ['node', '-e', script])).exitCode === 0;
  }

  function addressOf(to: Attempt['to'], from: Attempt['from']): string {
    switch (to) {
      case 'service':
        return serviceAddress;
      case 'itself':
        return pods.get(from)?.status?.podIP ?? '';
      case 'node':
        return pods.get('client')?.status?.hostIP ?? '';
      default:
        return pods.get(to)?.status?.podIP ?? '';
    }
  }

  async function flows(last: number): Promise<{ sequence: number; flow: Flow }[]> {
    const { context, pool } = cluster;
    const read = pool.nodes.map(async (node) => {
      const response = await askAgent<{ flows: { sequence: number; flow: unknown }[] }>(context, {
        namespace: pool.systemNamespace,
        node,
        path: `/flows.json?last=${last}`,
      });
      return response.flows.map(({ sequence, flow }) => ({ sequence, flow: Flow.parse(flow) }));
    });
    return (await Promise.all(read)).flat();
  }

  async function lastFlow(): Promise<string> {
    const times = (await flows(1)).map(({ flow }) => flow.time);
    return times.sort().at(-1) ?? '';
  }

  /** What the flows say: forwarded into the server, or dropped where and for what reason. */
  async function assertFlow({ from, to, port, outcome }: Attempt, since: string, what: string): Promise<void> {
    const source = pods.get(from)?.status?.podIP;
    const targets =
      to === 'service' ? ['near', 'far'].map((name) => pods.get(name)?.status?.podIP) : [addressOf(to, from)];
    const deadline = Date.now() + 3000;
    for (;;) {
      const seen = (await flows(200))
        .map(({ flow }) => flow)
        .filter(({ time, IP }) => time > since && IP.source === source && targets.includes(IP.destination))
        .filter((flow) => portsOf(flow)?.destination === port);
      if (seen.some((flow) => shows(flow, outcome))) return;
      assert.ok(
        Date.now() < deadline,
        `${what}: no flow shows "${outcome}" among ${JSON.stringify(seen.map((flow) => [flow.verdict, flow.drop_reason_desc, flow.traffic_direction, flow.Summary]))}`,
      );
      await delay(50);
    }
  }
});

function shows({ verdict, drop_reason_desc: reason, traffic_direction: direction }: Flow, outcome: Outcome): boolean {
  switch (outcome) {
    case 'reached':
      return verdict === 'FORWARDED';
    case 'default deny at egress':
      return verdict === 'DROPPED' && reason === 'POLICY_DENIED' && direction === 'EGRESS';
    case 'default deny at ingress':
      return verdict === 'DROPPED' && reason === 'POLICY_DENIED' && direction === 'INGRESS';
    case 'denied at egress':
      return verdict === 'DROPPED' && reason === 'POLICY_DENY' && direction === 'EGRESS';
    case 'denied at ingress':
      return verdict === 'DROPPED' && reason === 'POLICY_DENY' && direction === 'INGRESS';
  }
}

/** A program that sends requests one after the other, over one connection and over new ones, and counts failures. */
function load(url: string, milliseconds: number): string {
  return `
    const http = require('http'); const end = Date.now() + ${milliseconds};
    let answered = 0, failed = 0, error = '';
    const agents = [new http.Agent({ keepAlive: true, maxSockets: 1 }), new http.Agent({ keepAlive: false })];
    const next = (agent) => {
      if (Date.now() > end) return done();
      http.get('${url}', { agent, timeout: 2000 }, (response) => {
        response.resume(); response.on('end', () => { answered++; next(agent); });
      }).on('error', (reason) => { failed++; error += String(reason) + ' ' + (Date.now() - end) + ' ' + agents.indexOf(agent) + '; '; next(agent); })
        .on('timeout', function () { this.destroy(new Error('timeout')); });
    };
    let running = agents.length;
    const done = () => { if (--running === 0) { console.log(JSON.stringify({ answered, failed, error })); process.exit(0); } };
    for (const agent of agents) next(agent);`;
}

function manifests({ pool }: TestCluster): KubernetesObject[] {
  const { namespace } = pool;
  const pod = (app: string, node: string, container: object): KubernetesObject =>
    object({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: app, namespace, labels: { app, ...(app.startsWith('client') ? {} : { role: 'server' }) } },
      spec: {
        nodeName: node,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', ...container }],
      },
    });
  const client = {
    image: 'lab/datapath',
    command: ['node', '-e', "require('http').createServer((_, response) => response.end('me')).listen(8080)"],
  };
  const server = {
    image: 'lab/workload',
    args: ['--listen', ':8080,:8081', '--admin', ':8079'],
    ports: [{ name: 'web', containerPort: 8080 }],
  };
  return [
    pod('client', pool.nodes[0], client),
    pod('client2', pool.nodes[0], client),
    pod('near', pool.nodes[0], server),
    pod('far', pool.nodes[1], server),
    object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'workload', namespace },
      spec: {
        selector: { role: 'server' },
        ports: [8080, 8081].map((port) => ({ name: `port-${port}`, port, targetPort: port })),
      },
    }),
  ];
}

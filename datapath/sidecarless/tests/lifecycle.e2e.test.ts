import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Pod, V1Service } from '@kubernetes/client-node';
import { testInNamespaces } from '../../../clusters/netns/tests/namespaces.ts';
import { object, startTestCluster, type TestCluster } from '../../tests/cluster.ts';
import { shortcutAnnotation } from '../agent/pod-facts.ts';
import { askAgent } from '../agent-client.ts';
import type { Flow } from '../flow/flow.ts';
import { sidecarless } from '../sidecarless.ts';

/*
 * What becomes of connections that are open when something changes: labels, backends, agents. The server answers every
 * line that it gets, and the client sends one every 20 ms.
 */

const port = 7000;

/** For the next answer of an open connection. */
const waitMs = 3000;

/** What a conversation came to: when the last answer came, and what it ended with before its time; all in ms. */
type Conversation = { answers: number; lastAnswer: number; error: string | null; ended: number };

testInNamespaces(import.meta.filename, () => {
  const stop = new AbortController();
  let cluster: TestCluster;
  let service = '';
  const pods = new Map<string, V1Pod>();

  before(async () => {
    cluster = await startTestCluster('sidecarless', stop.signal);
    const { context, pool } = cluster;
    await sidecarless.install(context, pool);
    await context.kube.apply(manifests(cluster), stop.signal);
    for (const pod of await cluster.readyPods('app', 3)) pods.set(pod.metadata?.labels?.app ?? '', pod);
    await sidecarless.ready(context, pool);
    const { spec } = await context.kube.json<V1Service>(
      'GET',
      `/api/v1/namespaces/${pool.namespace}/services/workload`,
    );
    service = spec?.clusterIP ?? '';
  });
  after(() => stop.abort());

  // The first one: of a connection that is cut the server's end may stay, and where a new one gets its port TCP asks twice.
  test('agents that are replaced one after the other cost no connection, request or packet', async (t) => {
    const { kube } = cluster.context;
    const { namespace, systemNamespace } = cluster.pool;
    // With policies in force: while they come into the maps again they must go on as they were.
    const policies = [friendsOnly(namespace), toRange(namespace, '198.51.100.0/24')];
    await kube.apply(policies, stop.signal);
    t.after(async () => {
      await kube.delete(policies, stop.signal);
      await label('client', null);
    });
    await label('client', 'friend');
    await reaches('near');
    await reaches('far');
    const before = await agents();
    const talks = [await talking(addressOf('near'), 20_000), await talking(addressOf('far'), 20_000)];
    const asking = connectOften(service, 20_000);
    const annotations = { 'lab.test/replaced': 'yes' };
    await kube.json('PATCH', `/apis/apps/v1/namespaces/${systemNamespace}/daemonsets/sidecarless-agent`, {
      body: { spec: { template: { metadata: { annotations } } } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    for (const one of await Promise.all(talks.map(({ end }) => end))) {
      assert.equal(one.error, null, JSON.stringify(one));
      assert.ok(one.answers > 400 && one.lastAnswer > 19_500, JSON.stringify(one));
    }
    const { connected, failed, repeated, stood } = await asking;
    assert.deepEqual([failed, connected > 100], [[], true], `${connected} connections`);
    assert.ok(repeated <= stood, `${repeated} SYNs were sent again`);
    const after = await agents();
    assert.equal(after.length, 2);
    assert.ok(
      after.every((uid) => !before.includes(uid)),
      'the agents were not replaced',
    );
  });

  test('a label that a policy asks for lets a pod in, and taking it away cuts what is open', async (t) => {
    const policy = friendsOnly(cluster.pool.namespace);
    await cluster.context.kube.apply([policy], stop.signal);
    t.after(() => cluster.context.kube.delete([policy], stop.signal));
    for (const server of ['near', 'far']) {
      await until(async () => {
        const { answers, error } = await talk(addressOf(server), 500);
        assert.equal(error, null, server);
        return answers === 0;
      }, `${server} is not refused`);
      await label('client', 'friend');
      await reaches(server);
      const { end } = await talking(addressOf(server), 8000);
      await label('client', null);
      const { lastAnswer, answers } = await end;
      assert.ok(answers > 0 && lastAnswer < 7000, `${server}: the last of ${answers} answers after ${lastAnswer} ms`);
    }
  });

  test('what no policy forbids any more goes through', () => reaches('near'));

  test('a service’s connection to a backend that is gone is closed, one to the pod’s own address is not', async () => {
    for (const server of ['near', 'far']) {
      // The other one is no backend meanwhile.
      await leave(server === 'near' ? 'far' : 'near');
      await backends(1);
      const [byService, byAddress] = [await talking(service, 8000), await talking(addressOf(server), 8000)];
      await leave(server);
      const [closed, open] = await Promise.all([byService.end, byAddress.end]);
      assert.match(closed.error ?? '', /ECONNABORTED|EPIPE|ECONNRESET/, `${server}: ${JSON.stringify(closed)}`);
      assert.ok(closed.answers > 0 && closed.ended < 7500, `${server}: ${JSON.stringify(closed)}`);
      assert.deepEqual([open.error, open.lastAnswer > 7500], [null, true], `${server}: ${JSON.stringify(open)}`);
      const nobody = await talk(service, 500);
      assert.match(nobody.error ?? '', /EHOSTUNREACH/, JSON.stringify(nobody));
      await join('near');
      await join('far');
      await backends(2);
    }
  });

  test('a pod’s annotation keeps its connections off the short-cut', async () => {
    const messages = async (): Promise<number> => {
      const { context, pool } = cluster;
      const from = { namespace: pool.systemNamespace, node: pool.nodes[0], path: '/evidence' };
      return (await askAgent<{ shortcut: { packets: number } }>(context, from)).shortcut.packets;
    };
    const carried = async (): Promise<number> => {
      const before = await messages();
      const { answers, error } = await talk(addressOf('near'), 2000);
      assert.deepEqual([error, answers > 20], [null, true]);
      return (await messages()) - before;
    };
    assert.ok((await carried()) > 20);
    await annotate('near', 'off');
    await until(async () => (await carried()) === 0, 'the short-cut still carries');
    await annotate('near', null);
    await until(async () => (await carried()) > 20, 'the short-cut carries nothing any more');
  });

  test('a pod that starts under a policy is policed from its first packet', async (t) => {
    const { context, pool } = cluster;
    const early = podThatRuns(connectAtOnce([addressOf('near'), addressOf('far')]), {
      ...{ namespace: pool.namespace, app: 'early', node: pool.nodes[0] },
    });
    const allowed = object({
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name: 'early', namespace: pool.namespace },
      spec: {
        endpointSelector: { matchLabels: { app: 'early' } },
        egress: [{ toEndpoints: [{ matchLabels: { app: 'far' } }] }],
      },
    });
    await context.kube.apply([allowed, early], stop.signal);
    t.after(() => context.kube.delete([allowed, early], stop.signal));
    const [pod] = await cluster.readyPods('app=early', 1);
    assert.ok(pod !== undefined);
    const result = async (): Promise<string> => (await cluster.run(pod, 'app', ['cat', '/tmp/result'])).stdout;
    await until(async () => (await result()) !== '', 'it has not come to an end');
    assert.deepEqual(JSON.parse(await result()), ['timeout', 'connected']);
    const from = { namespace: pool.systemNamespace, node: pool.nodes[0], path: '/flows.json?last=4000' };
    const { flows } = await askAgent<{ flows: { flow: Flow }[] }>(context, from);
    const toNear = flows.filter(
      ({ flow: { source, IP } }) => source.pod_name === 'early' && IP.destination === addressOf('near'),
    );
    assert.ok(toNear.length > 0);
    assert.deepEqual([...new Set(toNear.map(({ flow }) => flow.verdict))], ['DROPPED']);
  });

  test('a backend that terminates keeps its connections until its end, and gets no new ones', async () => {
    await leave('far');
    await backends(1);
    const { end } = await talking(service, 5000);
    await join('far');
    await backends(2);
    const { kube } = cluster.context;
    await kube.json('DELETE', `/api/v1/namespaces/${cluster.pool.namespace}/pods/near`);
    await backends(1);
    const { connected, failed, by } = await connectOften(service, 3000);
    assert.deepEqual([failed, Object.keys(by)], [[], ['far']], JSON.stringify(by));
    assert.ok(connected > 10);
    const { error, lastAnswer } = await end;
    assert.deepEqual([error, lastAnswer > 4500], [null, true], `the last answer came after ${lastAnswer} ms`);
  });

  function addressOf(name: string): string {
    return pods.get(name)?.status?.podIP ?? '';
  }

  async function inClient<T>(script: string): Promise<T> {
    const client = pods.get('client');
    assert.ok(client !== undefined);
    const { stdout, stderr } = await cluster.run(client, 'app', ['node', '-e', script]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as T;
  }

  /** Talks for so long. */
  function talk(address: string, milliseconds: number): Promise<Conversation> {
    return inClient<Conversation>(conversation(address, milliseconds, ''));
  }

  /** Talks for so long; resolves when the first answer has come. */
  async function talking(address: string, milliseconds: number): Promise<{ end: Promise<Conversation> }> {
    const sign = `/tmp/${randomUUID()}`;
    const end = inClient<Conversation>(
      conversation(address, milliseconds, `require('fs').writeFileSync('${sign}', '');`),
    );
    await until(
      () => inClient<boolean>(`console.log(require('fs').existsSync('${sign}'))`),
      `no answer from ${address}`,
    );
    return { end };
  }

  /**
   * New connections, one after the other, with one line each; `by` counts who answered, and `repeated` the SYNs that the
   * pod's kernel had to send again meanwhile. `stood` is how often the machine stood still for so long that it does so
   * whoever answers.
   */
  function connectOften(
    address: string,
    milliseconds: number,
  ): Promise<{ connected: number; failed: string[]; by: Record<string, number>; repeated: number; stood: number }> {
    return inClient(`
      const end = Date.now() + ${milliseconds}; let connected = 0; const failed = [], by = {};
      const counted = () => {
        const [names, values] = require('fs').readFileSync('/proc/net/netstat', 'utf8').split('\\n').map((line) => line.split(' '));
        return Number(values[names.indexOf('TCPSynRetrans')]);
      };
      const before = counted();
      let last = Date.now(), stood = 0;
      setInterval(() => { const now = Date.now(); if (now - last > 900) stood++; last = now; }, 50);
      const next = () => {
        if (Date.now() > end) {
          console.log(JSON.stringify({ connected, failed, by, repeated: counted() - before, stood }));
          process.exit();
        }
        const socket = require('net').connect(${port}, '${address}', () => socket.write('who\\n'));
        socket.setTimeout(10_000, () => socket.destroy(new Error('timeout')));
        socket.on('data', (who) => { connected++; by[who] = (by[who] ?? 0) + 1; socket.end(); });
        socket.on('error', (error) => failed.push(error.code ?? error.message)).on('close', () => setTimeout(next, 5));
      };
      next();`);
  }

  async function reaches(server: string): Promise<void> {
    await until(async () => (await talk(addressOf(server), 300)).answers > 0, `${server} is refused`);
  }

  async function patch(name: string, metadata: object): Promise<void> {
    await cluster.context.kube.json('PATCH', `/api/v1/namespaces/${cluster.pool.namespace}/pods/${name}`, {
      body: { metadata },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
  }

  const label = (name: string, role: string | null): Promise<void> => patch(name, { labels: { role } });
  const annotate = (name: string, value: string | null): Promise<void> =>
    patch(name, { annotations: { [shortcutAnnotation]: value } });

  const leave = (server: string): Promise<void> => label(server, null);
  const join = (server: string): Promise<void> => label(server, 'server');

  /** Waits until the client's agent gives new connections to so many backends. */
  async function backends(count: number): Promise<void> {
    const { context, pool } = cluster;
    await until(async () => {
      const from = { namespace: pool.systemNamespace, node: pool.nodes[0], path: '/services' };
      const { backends: chosen } = await askAgent<{ backends: Record<string, number> }>(context, from);
      return Object.entries(chosen).find(([key]) => key.includes(`${pool.namespace}/workload`))?.[1] === count;
    }, `the service has not ${count} backends`);
  }

  async function agents(): Promise<string[]> {
    const { items } = await cluster.context.kube.json<{ items: V1Pod[] }>(
      'GET',
      `/api/v1/namespaces/${cluster.pool.systemNamespace}/pods`,
    );
    return items.map(({ metadata }) => metadata?.uid ?? '');
  }
});

/** One that is open when its time is over ends with the next answer, or without it: a machine may stand still meanwhile. */
function conversation(address: string, milliseconds: number, onFirst: string): string {
  return `
    const began = Date.now(); let answers = 0, lastAnswer = 0;
    const end = (error) => { console.log(JSON.stringify({ answers, lastAnswer, error, ended: Date.now() - began })); process.exit(); };
    const socket = require('net').connect(${port}, '${address}');
    socket.on('data', () => { if (answers++ === 0) { ${onFirst} } lastAnswer = Date.now() - began; });
    socket.on('error', ({ code }) => end(code)).on('close', () => end('closed'));
    setInterval(() => socket.write('hello\\n'), 20);
    setTimeout(() => {
      if (answers === 0) end(null);
      socket.on('data', () => end(null));
      setTimeout(() => end(null), ${waitMs});
    }, ${milliseconds});`;
}

/** Tries until it holds, for 30 s. */
async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, otherwise);
    await delay(20);
  }
}

/** From the client, to the servers and to a range of the world. */
function toRange(namespace: string, range: string): KubernetesObject {
  return object({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'to-range', namespace },
    spec: {
      endpointSelector: { matchLabels: { app: 'client' } },
      egress: [{ toEndpoints: [{ matchLabels: { role: 'server' } }] }, { toCIDR: [range] }],
    },
  });
}

/** To the servers, from friends alone. */
function friendsOnly(namespace: string): KubernetesObject {
  return object({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'friends', namespace },
    spec: {
      podSelector: { matchLabels: { role: 'server' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { role: 'friend' } } }] }],
    },
  });
}

function manifests({ pool }: TestCluster): KubernetesObject[] {
  const { namespace } = pool;
  // A process of number 1 that has no handler goes on after SIGTERM, for as long as the pod may.
  const answering = (name: string): string =>
    `require('net').createServer((socket) => socket.on('data', () => socket.write('${name}')).on('error', () => 0)).listen(${port}, '::')`;
  const server = { role: 'server' };
  return [
    podThatRuns(answering('client'), { namespace, app: 'client', node: pool.nodes[0] }),
    podThatRuns(answering('near'), { namespace, app: 'near', node: pool.nodes[0], labels: server }),
    podThatRuns(answering('far'), { namespace, app: 'far', node: pool.nodes[1], labels: server }),
    object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'workload', namespace },
      spec: { selector: { role: 'server' }, ports: [{ port }] },
    }),
  ];
}

function podThatRuns(
  script: string,
  { namespace, app, node, labels = {} }: { namespace: string; app: string; node: string; labels?: object },
): KubernetesObject {
  return object({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: app, namespace, labels: { app, ...labels } },
    spec: {
      nodeName: node,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 10,
      containers: [{ name: 'app', image: 'lab/sidecarless', command: ['node', '-e', script] }],
    },
  });
}

/** Connects to all of these as the first thing, and writes what has become of it to a file. */
function connectAtOnce(addresses: readonly string[]): string {
  return `
    const once = (address) => new Promise((resolve) => {
      const socket = require('net').connect(${port}, address, () => resolve('connected'));
      socket.on('error', ({ code }) => resolve(code)).setTimeout(1500, () => resolve('timeout'));
    });
    process.on('SIGTERM', () => process.exit());
    Promise.all(${JSON.stringify(addresses)}.map(once)).then((ends) =>
      require('fs').writeFileSync('/tmp/result', JSON.stringify(ends)));
    setInterval(() => 0, 1000);`;
}

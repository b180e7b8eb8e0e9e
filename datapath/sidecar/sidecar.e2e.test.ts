import assert from 'node:assert/strict';
import { readdir, readlink } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObject, V1Deployment, V1Pod, V1PodTemplateSpec } from '@kubernetes/client-node';
import { exec } from '../../clusters/exec.ts';
import { enter } from '../../clusters/netns/namespace.ts';
import { testInNamespaces } from '../../clusters/netns/tests/namespaces.ts';
import type { DataPlaneContext, Evidence, Expectation, Mode, TestCase } from '../data-plane.ts';
import { parseStatistics } from '../envoy/statistics.ts';
import { object, startTestCluster, type TestCluster } from '../tests/cluster.ts';
import { redirectRules } from './redirect-rules.ts';
import { sidecar } from './sidecar.ts';

testInNamespaces(import.meta.filename, () => {
  const stop = new AbortController();
  let cluster: TestCluster;
  let generator: V1Pod;
  let stranger: V1Pod;
  let workload: V1Pod;
  let service: string;

  before(async () => {
    const clock = stopwatch();
    cluster = await startTestCluster('sidecar', stop.signal);
    const { context, pool } = cluster;
    clock('control plane and nodes');
    await sidecar.install(context, pool);
    clock('install');
    await signFor(cluster, 8);
    clock('certificates of a few seconds');
    await context.kube.apply(manifests(cluster), stop.signal);
    const pods = await cluster.readyPods('lab.role', 3);
    clock('pods ready');
    await sidecar.ready(context, pool);
    clock('sidecars ready');
    const named = (role: string): V1Pod => {
      const pod = pods.find(({ metadata }) => metadata?.labels?.['lab.role'] === role);
      assert.ok(pod !== undefined);
      return pod;
    };
    [generator, stranger, workload] = [named('generator'), named('stranger'), named('workload')];
    const found = await context.kube.json<{ spec: { clusterIP: string } }>(
      'GET',
      `/api/v1/namespaces/${pool.namespace}/services/workload`,
    );
    service = found.spec.clusterIP;
  });
  after(() => stop.abort());

  test('an Envoy that has carried nothing yet has every counter', async () => {
    const { context, pool } = cluster;
    for (const mode of sidecar.modes) {
      const testCase: TestCase = { ...mode, pool, placement: 'cross-node', port: portOf(mode) };
      const missing = Object.entries(await sidecar.evidence(context, testCase)).filter(([, value]) => value === null);
      assert.deepEqual(missing, [], `${mode.profile} ${mode.encryption}`);
    }
  });

  test("an Envoy that does not answer takes its counters with it, and nobody else's", async () => {
    const { context, pool } = cluster;
    const deaf: DataPlaneContext = {
      ...context,
      kube: Object.assign(Object.create(context.kube), {
        request: (method: string, path: string, options: object) =>
          context.kube.request(
            method as 'GET',
            path.includes(workload.metadata?.name ?? '') ? `${path}-not` : path,
            options,
          ),
      }),
    };
    const testCase: TestCase = { ...(sidecar.modes[0] as Mode), pool, placement: 'cross-node', port: 8080 };
    const counters = Object.entries(await sidecar.evidence(deaf, testCase));
    for (const [counter, value] of counters) assert.equal(value === null, counter.startsWith('server-envoy/'), counter);
  });

  for (const mode of sidecar.modes) {
    const port = portOf(mode);
    test(`${mode.profile} ${mode.encryption}: requests pass, are counted at both Envoys and nowhere else`, async () => {
      const { context, pool } = cluster;
      const testCase: TestCase = { ...mode, pool, placement: 'cross-node', port };
      const before = await sidecar.evidence(context, testCase);
      const sent = await send(generator, `http://${service}:${port}/echo`, 7);
      assert.deepEqual(sent.statuses, Array(7).fill(200), sent.error);
      assert.equal(JSON.parse(sent.body).clientAddress, '127.0.0.6');
      const after = await sidecar.evidence(context, testCase);
      const expected = sidecar.expected(testCase, {
        requests: 7,
        connections: 1,
        bytesSent: sent.bytesSent,
        bytesReceived: sent.bytesReceived,
      });
      const grown = growth(before, after);
      for (const counter of Object.keys(after)) {
        const [least, most] = boundsOf(counter, expected, grown);
        const by = grown[counter] ?? Number.NaN;
        assert.ok(by >= least && by <= most, `${counter} grew by ${by}, not ${least} to ${most}`);
      }
    });
  }

  test('a service account that no rule names is denied: 403 for HTTP, a closed connection for TCP', async () => {
    const http = await send(stranger, `http://${service}:8081/echo`, 1);
    assert.deepEqual(http.statuses, [403]);
    const tcp = await send(stranger, `http://${service}:8080/echo`, 1);
    assert.match(tcp.error, closed);
  });

  test('a rule for methods holds', async () => {
    const posted = await send(generator, `http://${service}:8081/echo`, 1, { method: 'POST' });
    assert.deepEqual(posted.statuses, [403]);
  });

  test('an encrypted port refuses plaintext, and a plaintext port does not', async () => {
    // From the node, where no sidecar encrypts.
    const from = (port: number) =>
      exec(
        ...enter(cluster.nodePids[0] ?? 0, process.execPath, [
          '-e',
          client(),
          `http://${workload.status?.podIP}:${port}/echo`,
          '1',
        ]),
      );
    for (const port of [8080, 8081]) {
      const { stdout } = await from(port);
      assert.match(JSON.parse(stdout).error, closed, stdout);
    }
    assert.deepEqual(JSON.parse((await from(8082)).stdout).statuses, [200]);
  });

  test('a port that no Service has is closed', async () => {
    const { error } = await send(generator, `http://${workload.status?.podIP}:9999/`, 1);
    assert.match(error, closed);
  });

  test("a proxy's own ports lead nowhere", async () => {
    for (const port of [15001, 15006]) {
      const { error } = await send(generator, `http://${workload.status?.podIP}:${port}/`, 1);
      assert.match(error, closed, String(port));
    }
  });

  test('past the Service, straight to the pod: strict mTLS refuses, and the evidence shows the way', async () => {
    const { context, pool } = cluster;
    const testCase: TestCase = {
      profile: 'l7',
      encryption: 'mtls',
      variant: null,
      pool,
      placement: 'cross-node',
      port: 8081,
    };
    const before = await sidecar.evidence(context, testCase);
    const { error } = await send(generator, `http://${workload.status?.podIP}:8081/`, 1);
    assert.match(error, closed);
    const grown = growth(before, await sidecar.evidence(context, testCase));
    assert.equal(grown['client-envoy/passed-through'], 1);
    assert.equal(grown['server-envoy/tls-failures'], 1);
    assert.equal(grown['client-envoy/requests'], 0);
  });

  test('every counter that must not move moves where something goes another way', async () => {
    const { context, pool } = cluster;
    const podIp = workload.status?.podIP;
    const fromNode = (url: string) =>
      exec(...enter(cluster.nodePids[0] ?? 0, process.execPath, ['-e', client(), url, '1']));
    // A server that does not speak TLS, behind a Service of which the mesh thinks that it does.
    const mistaken = object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'mistaken', namespace: pool.namespace },
      spec: {
        selector: { app: 'workload' },
        ports: [{ name: 'tcp', port: 7079, targetPort: 8079, appProtocol: 'tcp' }],
      },
    });
    await context.kube.apply([mistaken], stop.signal);
    const { spec } = await context.kube.json<{ spec: { clusterIP: string } }>(
      'GET',
      `/api/v1/namespaces/${pool.namespace}/services/mistaken`,
    );
    await sidecar.ready(context, pool);
    const elsewhere: Readonly<Record<string, () => Promise<unknown>>> = {
      'client-envoy/other-ports': () => send(generator, `http://${service}:8082/`, 1),
      'client-envoy/passed-through': () => send(generator, `http://${podIp}:8082/`, 1),
      'client-envoy/tls-failures': () => send(generator, `http://${spec.clusterIP}:7079/`, 1),
      'client-envoy/tls-handshakes': () => send(generator, `http://${service}:8080/`, 1),
      'server-envoy/other-ports': () => fromNode(`http://${podIp}:8082/`),
      'server-envoy/denied': () => send(stranger, `http://${service}:8080/`, 1),
      'server-envoy/unknown-ports': () => send(generator, `http://${podIp}:9999/`, 1),
      'server-envoy/tls-failures': () => fromNode(`http://${podIp}:8080/`),
      'server-envoy/tls-handshakes': () => send(generator, `http://${service}:8080/`, 1),
    };
    const moved = new Set<string>();
    for (const mode of sidecar.modes) {
      const testCase: TestCase = { ...mode, pool, placement: 'cross-node', port: portOf(mode) };
      const counts = { requests: 1, connections: 1, bytesSent: 1, bytesReceived: 1 };
      const claimed = sidecar
        .expected(testCase, counts)
        .flatMap((claim) => [claim.counter, ...('sameAs' in claim ? [claim.sameAs] : [])]);
      for (const counter of Object.keys(await sidecar.evidence(context, testCase))) {
        if (claimed.includes(counter)) continue;
        // Its own port is no other one.
        if (counter.endsWith('other-ports') && testCase.port === 8082) continue;
        const go = elsewhere[counter];
        assert.ok(go !== undefined, `nothing shows that ${counter} moves`);
        const before = await sidecar.evidence(context, testCase);
        await go();
        const grown = growth(before, await sidecar.evidence(context, testCase));
        assert.ok((grown[counter] ?? 0) > 0, `${mode.profile} ${mode.encryption}: ${counter} does not move`);
        moved.add(counter);
      }
    }
    assert.deepEqual([...moved].sort(), Object.keys(elsewhere).sort());
    await context.kube.delete([mistaken], stop.signal);
  });

  test('a certificate is given for a token of that account, pod and audience, and for no other', async () => {
    const { context, pool } = cluster;
    const control = await controlPod();
    const root = await context.kube.json<{ data: Record<string, string> }>(
      'GET',
      `/api/v1/namespaces/${pool.namespace}/configmaps/lab-mesh`,
    );
    const ask = async (pod: V1Pod | null, audience: string, serviceAccount: string): Promise<string> => {
      const bound =
        pod === null
          ? {}
          : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata?.name, uid: pod.metadata?.uid } };
      const { status } = await context.kube.json<{ status: { token: string } }>(
        'POST',
        `/api/v1/namespaces/${pool.namespace}/serviceaccounts/generator/token`,
        { body: { spec: { audiences: [audience], ...bound } } },
      );
      // From a node, whose only routes are to pods.
      const program = `
        import { readFileSync } from 'node:fs';
        import { obtainCertificate } from '${import.meta.dirname}/../envoy/certificate-client.ts';
        const input = JSON.parse(readFileSync(0, 'utf8'));
        await obtainCertificate({ ...input, signal: AbortSignal.timeout(5000) }).then(() => console.log('signed'), (error) => console.log(error.message));`;
      const input = {
        host: control?.status?.podIP,
        port: 15013,
        serverName: 'control.lab.local',
        root: root.data['root.pem'],
        token: status.token,
        spiffeId: `spiffe://lab.local/ns/${pool.namespace}/sa/${serviceAccount}`,
      };
      const command = enter(cluster.nodePids[0] ?? 0, process.execPath, ['--input-type=module', '-e', program]);
      return (await exec(...command, { input: JSON.stringify(input) })).stdout.trim();
    };
    assert.equal(await ask(generator, 'lab-ca', 'generator'), 'signed');
    assert.match(await ask(generator, 'lab-ca', 'workload'), /403 the token proves .*generator, not .*workload/);
    assert.match(await ask(generator, 'somebody-else', 'generator'), /401 the token is not valid for lab-ca/);
    assert.match(await ask(null, 'lab-ca', 'generator'), /401 .* of no pod/);
  });

  test('certificates that live for seconds are renewed in time, and no request fails for it', async () => {
    const renewals = async () => (await statistics(workload)).get('sds.workload.update_success') ?? 0;
    const before = await renewals();
    const deadline = Date.now() + 30_000;
    let requests = 0;
    while ((await renewals()) < before + 3) {
      assert.ok(Date.now() < deadline, `renewed ${(await renewals()) - before} times in 30 s`);
      // A new connection each time, and so a handshake.
      for (const port of [8080, 8081]) {
        const sent = await send(generator, `http://${service}:${port}/echo`, 3);
        assert.deepEqual(sent.statuses, [200, 200, 200], sent.error);
        requests += 3;
      }
    }
    assert.ok(requests >= 6);
  });

  test('certificates of days take the place of those of seconds', async () => {
    // What comes next takes the control plane away: on a slow machine it would be gone for longer than those last.
    await signFor(cluster, 3 * 86_400);
    const deadline = Date.now() + 30_000;
    for (const pod of [generator, stranger, workload]) {
      while ((await renewalMs(pod)) < Date.now() + 3_600_000) {
        assert.ok(Date.now() < deadline, `${pod.metadata?.name} has a certificate of seconds`);
        await delay(100);
      }
    }
    await everywhere(200);
  });

  test('without its control plane, a mesh goes on; the next one finds everything accepted', async () => {
    const { context, pool } = cluster;
    const pods = `/api/v1/namespaces/${pool.systemNamespace}/pods`;
    const old = await controlPod();
    await context.kube.json('DELETE', `${pods}/${old?.metadata?.name}`, { query: { gracePeriodSeconds: '0' } });
    await everywhere(200);
    await sidecar.ready(context, pool);
    await everywhere(200);
  });

  test('the redirection in the pod is the rule set, to the letter', async () => {
    const network = await networkOf(cluster, workload);
    const saved = await exec('nsenter', [`--net=${network}`, 'iptables-save', '-t', 'nat']);
    assert.deepEqual(rules(saved.stdout), rules(redirectRules([8079])));
  });

  test('a pod that the policy stops naming is denied from then on, on open connections too', async () => {
    const { context, pool } = cluster;
    await everywhere(200);
    await context.kube.apply([policy(pool.namespace, 'rules: []')], stop.signal);
    await sidecar.ready(context, pool);
    await everywhere(403);
    await context.kube.apply([policy(pool.namespace, allowed)], stop.signal);
    await sidecar.ready(context, pool);
    await everywhere(200);
  });

  test('a policy that cannot be read is reported, and the last one stays in force', async () => {
    const { context, pool } = cluster;
    await context.kube.apply([policy(pool.namespace, 'rules: [{port: 8081, form: [generator]}]')], stop.signal);
    await assert.rejects(sidecar.ready(context, pool), /policy\.yaml.*form/s);
    await everywhere(200);
    await context.kube.apply([policy(pool.namespace, allowed)], stop.signal);
    await sidecar.ready(context, pool);
  });

  test('what is removed is gone', async () => {
    const { context, pool } = cluster;
    await sidecar.remove(context, pool);
    const left = await context.kube.json<{ items: { metadata: { name: string } }[] }>(
      'GET',
      `/apis/apps/v1/namespaces/${pool.systemNamespace}/deployments`,
    );
    assert.deepEqual(left.items, []);
  });

  /** What a pod's Envoy counts. */
  async function statistics({ metadata }: V1Pod) {
    const path = `/api/v1/namespaces/${cluster.pool.namespace}/pods/${metadata?.name}:15090/proxy/stats`;
    return parseStatistics(await (await cluster.context.kube.request('GET', path)).text());
  }

  /** When a pod's agent is to renew its certificate, by what it says (epoch). */
  async function renewalMs({ metadata }: V1Pod): Promise<number> {
    const path = `/api/v1/namespaces/${cluster.pool.namespace}/pods/${metadata?.name}/log`;
    const response = await cluster.context.kube.request('GET', path, { query: { container: 'lab-agent' } });
    const times = [...(await response.text()).matchAll(/certificate until (\S+)/g)].map(([, time]) => time ?? '');
    return new Date(times.at(-1) ?? 0).getTime();
  }

  async function controlPod(): Promise<V1Pod | undefined> {
    const [pod] = await cluster.context.kube.waitFor<V1Pod>(`/api/v1/namespaces/${cluster.pool.systemNamespace}/pods`, {
      signal: stop.signal,
      timeoutSeconds: 5,
      what: 'the control plane',
      labelSelector: 'app=sidecar-control',
      condition: (found) => found.length === 1,
    });
    return pod;
  }

  /** Requests on so many connections that each worker of Envoy has some, with what it kept open before. */
  async function everywhere(status: number): Promise<void> {
    const sent = await Promise.all(Array.from({ length: 6 }, () => send(generator, `http://${service}:8081/echo`, 2)));
    assert.deepEqual(
      sent.flatMap(({ statuses }) => statuses),
      Array(12).fill(status),
      JSON.stringify(sent),
    );
  }

  /** Sends requests one after another on one connection from a pod's application container. */
  async function send(pod: V1Pod, url: string, count: number, { method = 'GET' } = {}): Promise<Sent> {
    const { stdout, stderr } = await cluster.run(pod, 'app', ['node', '-e', client(method), url, String(count)]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Sent;
  }
});

const closed = /ECONNRESET|other side closed|socket hang up/;

type Sent = { statuses: number[]; body: string; bytesSent: number; bytesReceived: number; error: string };

/** A program for `node -e`: URL, number of requests -> one line of JSON. */
function client(method = 'GET'): string {
  return `
const { Agent, request } = require('node:http');
const [url, count] = process.argv.slice(1);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const sent = { statuses: [], body: '', bytesSent: 0, bytesReceived: 0, error: '' };
let socket;
const one = () => new Promise((resolve, reject) => {
  const call = request(url, { agent, method: '${method}', timeout: 5000 }, (response) => {
    sent.statuses.push(response.statusCode);
    sent.body = '';
    response.setEncoding('utf8').on('data', (text) => { sent.body += text; }).on('end', resolve).on('error', reject);
  });
  call.on('socket', (used) => { socket = used; }).on('error', reject).on('timeout', () => call.destroy(new Error('timeout'))).end();
});
(async () => {
  try { for (let i = 0; i < Number(count); i++) await one(); } catch (error) { sent.error = error.code + ' ' + error.message; }
  sent.bytesSent = socket?.bytesWritten ?? 0;
  sent.bytesReceived = socket?.bytesRead ?? 0;
  process.stdout.write(JSON.stringify(sent), () => process.exit(0));
})();`;
}

function portOf({ profile, encryption }: { profile: string; encryption: string }): number {
  return 8080 + (profile === 'l7' ? 1 : 0) + (encryption === 'none' ? 2 : 0);
}

/** What a counter may grow by. One that another is held against may grow by anything. */
function boundsOf(
  counter: string,
  expected: readonly Expectation[],
  grown: Readonly<Record<string, number>>,
): readonly [least: number, most: number] {
  const claim = expected.find((one) => one.counter === counter);
  if (claim === undefined) {
    return expected.some((one) => 'sameAs' in one && one.sameAs === counter) ? [0, Number.POSITIVE_INFINITY] : [0, 0];
  }
  if ('between' in claim) return claim.between;
  if ('atLeast' in claim) return [claim.atLeast, Number.POSITIVE_INFINITY];
  const by = 'exactly' in claim ? claim.exactly : (grown[claim.sameAs] ?? Number.NaN);
  return [by, by];
}

/** Every counter must be there, before and after. */
function growth(before: Evidence, after: Evidence): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, now]) => {
      const then = before[name] ?? null;
      assert.ok(now !== null && then !== null, `${name} cannot be read`);
      return [name, now - then];
    }),
  );
}

/** The rules of iptables-save, without counters and comments. */
function rules(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('-A'));
}

/** A file of /proc by which a pod's network namespace can be entered. */
async function networkOf({ run }: TestCluster, pod: V1Pod): Promise<string> {
  const { stdout: namespace } = await run(pod, 'lab-agent', ['readlink', '/proc/self/ns/net']);
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const file of processes.map((id) => `/proc/${id}/ns/net`)) {
    if ((await readlink(file).catch(() => '')) === namespace.trim()) return file;
  }
  throw new Error(`no process is in ${namespace}`);
}

const allowed =
  'rules: [{port: 8080, from: [generator]}, {port: 8081, from: [generator], methods: [GET], paths: ["/*"]}]';

function policy(namespace: string, text: string): KubernetesObject {
  return object({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'authorization', namespace },
    data: { 'policy.yaml': text },
  });
}

function manifests({ pool }: TestCluster): KubernetesObject[] {
  const namespace = pool.namespace;
  const sleeper = {
    name: 'app',
    image: 'lab/sidecar',
    command: ['node', '-e', 'setInterval(() => {}, 1e9); process.on("SIGTERM", () => process.exit(0))'],
  };
  const deployment = (role: string, node: string, template: V1PodTemplateSpec): V1Deployment => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: role, namespace },
    spec: {
      selector: { matchLabels: { app: role } },
      template: sidecar.enroll(
        {
          metadata: {
            ...template.metadata,
            labels: { app: role, 'lab.role': role, ...(role === 'generator' ? { 'lab.placement': 'cross-node' } : {}) },
          },
          spec: {
            ...template.spec,
            serviceAccountName: role,
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: 2,
            nodeSelector: { 'kubernetes.io/hostname': node },
            containers: template.spec?.containers ?? [],
          },
        },
        pool,
      ),
    },
  });
  const ports = sidecar.modes.map((mode) => ({
    name: `${mode.profile}-${mode.encryption}`,
    port: portOf(mode),
    targetPort: portOf(mode),
    appProtocol: mode.profile === 'l7' ? 'http' : 'tcp',
  }));
  return [
    ...['generator', 'stranger', 'workload'].map((name) =>
      object({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }),
    ),
    policy(namespace, allowed),
    object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'workload', namespace, annotations: { 'lab.dataplane/plaintext-ports': '8082,8083' } },
      spec: { selector: { app: 'workload' }, ports },
    }),
    deployment('generator', pool.nodes[0], { spec: { containers: [sleeper] } }),
    deployment('stranger', pool.nodes[0], { spec: { containers: [sleeper] } }),
    deployment('workload', pool.nodes[1], {
      metadata: { annotations: { 'lab.dataplane/exclude-inbound-ports': '8079' } },
      spec: {
        containers: [
          {
            name: 'app',
            image: 'lab/workload',
            args: ['--listen', ':8080,:8081,:8082,:8083', '--admin', ':8079'],
            // Behind strict mTLS: it succeeds because it is rewritten.
            readinessProbe: { httpGet: { path: '/', port: 8081 }, periodSeconds: 1 },
          },
        ],
      },
    }),
  ];
}

/** Has the control plane sign certificates for so many seconds. */
async function signFor({ context, pool }: TestCluster, seconds: number): Promise<void> {
  const { kube, signal } = context;
  const deployments = `/apis/apps/v1/namespaces/${pool.systemNamespace}/deployments`;
  const env = [{ name: 'CERTIFICATE_LIFETIME_SECONDS', value: String(seconds) }];
  await kube.json('PATCH', `${deployments}/control`, {
    headers: { 'content-type': 'application/strategic-merge-patch+json' },
    body: { spec: { template: { spec: { containers: [{ name: 'control', env }] } } } },
  });
  await kube.waitFor<V1Deployment>(deployments, {
    signal,
    timeoutSeconds: 30,
    what: 'the new control plane',
    condition: ([control]) =>
      control?.status?.observedGeneration === control?.metadata?.generation &&
      control?.status?.updatedReplicas === 1 &&
      control?.status?.availableReplicas === 1 &&
      control?.status?.replicas === 1,
  });
}

/** Prints how long each step took, for those who look. */
function stopwatch(): (step: string) => void {
  let since = Date.now();
  return (step) => {
    const now = Date.now();
    process.stderr.write(`${step}: ${((now - since) / 1000).toFixed(2)} s\n`);
    since = now;
  };
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { KubernetesObject, V1Pod, V1Service } from '@kubernetes/client-node';
import { type Cluster, poolOf } from '../../clusters/cluster.ts';
import { type ExecResult, tryExec } from '../../clusters/exec.ts';
import { isPodReady } from '../../clusters/kube/pod-ready.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { type Process, startProcess } from '../../clusters/process.ts';
import { exclusively, openOwnCluster } from '../session.ts';

// `lab flows` and `lab policy trace` as their users call them.
const program = join(import.meta.dirname, '../lab.ts');
const pools = [poolOf('none', 'none'), poolOf('sidecarless', 'sidecarless')] as const;
const { namespace, nodes } = pools[1];
const signal = AbortSignal.timeout(300_000);
let cluster: Cluster;

const lab = (...words: string[]): Promise<ExecResult> =>
  tryExec(process.execPath, [program, ...words], { timeoutMs: 60_000 });
const trace = (from: string, to: string, port: string, ...more: string[]): Promise<ExecResult> =>
  lab('policy', 'trace', '--from', from, '--to', to, '--port', port, ...more);

test('without a cluster both say so', async () => {
  for (const result of [await lab('flows'), await trace('a/b', 'c/d', '80')]) {
    assert.deepEqual([result.exitCode, result.stdout], [5, '']);
    assert.match(result.stderr, /^lab: No cluster is up\n {5}Start one with `lab up`\.\n$/);
  }
});

for (const [what, words, message] of [
  [
    'an unknown verdict',
    ['flows', '--verdict', 'droped'],
    /did you mean "DROPPED".*FORWARDED, DROPPED, TRACED, TRANSLATED/,
  ],
  ['a port that is none', ['flows', '--port', '80,http'], /--port must be whole numbers from 1 to 65535/],
  ['a number that is too large', ['flows', '--last', '10000'], /--last must be a whole number from 0 to 4095/],
  ['an unknown action', ['policy', 'trcae'], /no ACTION "trcae" \(did you mean "trace"\?\)/],
  ['no end', ['policy', 'trace', '--to', 'a/b', '--port', '80'], /needs --from/],
] as const) {
  test(`${what}: exit 2`, async () => {
    const { exitCode, stdout, stderr } = await lab(...words);
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

describe('with a cluster', () => {
  before(async () => {
    cluster = await exclusively(() => openOwnCluster(pools, { signal, progress: () => undefined }));
    await cluster.kube.apply(manifests, signal);
    for (const { namespace: one } of pools) {
      await cluster.kube.waitFor<V1Pod>(`/api/v1/namespaces/${one}/pods`, {
        signal,
        timeoutSeconds: 60,
        what: `the pods of ${one}`,
        condition: (pods) => pods.length === (one === namespace ? 2 : 1) && pods.every(isPodReady),
      });
    }
  });
  after(async () => {
    if (cluster !== undefined) await tearDown();
  });

  test('a pod that does not exist is named with those that do', async () => {
    const { exitCode, stderr } = await trace(`${namespace}/cleint`, `${namespace}/server`, '8080');
    assert.equal(exitCode, 2);
    assert.match(stderr, /There is no pod lab-sidecarless\/cleint \(did you mean "client"\?\)/);
    assert.match(stderr, /In lab-sidecarless there is client, server/);
  });

  test('a filter that can match nothing is refused', async () => {
    const { exitCode, stderr } = await lab('flows', '--from', 'reserved:wolrd');
    assert.equal(exitCode, 2);
    assert.match(stderr, /"reserved:wolrd" is no reserved identity/);
  });

  test('allowed: exit 0, by a Service too', async () => {
    const direct = await trace(`${namespace}/client`, `${namespace}/server`, '8080');
    assert.equal(direct.exitCode, 0, direct.stderr);
    assert.match(
      direct.stdout,
      /^lab-sidecarless\/client \(.*\) -> lab-sidecarless\/server \(.*\), TCP 8080: ALLOWED\n/,
    );
    assert.match(direct.stdout, /\n {2}ingress of lab-sidecarless\/server: allowed, no policy selects the pod\n/);
    const service = await trace(`${namespace}/client`, `${namespace}/workload`, '80');
    assert.equal(service.exitCode, 0, service.stderr);
    assert.match(
      service.stdout,
      /^Service lab-sidecarless\/workload, 1 backend: ALLOWED\n.*server \(.*\), TCP 8080: ALLOWED\n/,
    );
    const other = await trace('lab-none/client', `${namespace}/server`, '8080');
    assert.match(
      other.stdout,
      /egress of lab-none\/client: allowed, the node none-1 is on none, which enforces no policies/,
    );
    assert.equal(other.exitCode, 0, other.stderr);
  });

  test('denied: exit 1, and flows show it', async () => {
    await cluster.kube.apply([closedPolicy], signal);
    const deadline = Date.now() + 10_000;
    let denied = await trace(`${namespace}/client`, `${namespace}/workload`, '80', '--json');
    while (denied.exitCode === 0 && Date.now() < deadline) {
      denied = await trace(`${namespace}/client`, `${namespace}/workload`, '80', '--json');
    }
    assert.equal(denied.exitCode, 1, denied.stderr);
    const { verdict, paths } = JSON.parse(denied.stdout);
    assert.equal(verdict, 'denied');
    const [egress, ingress] = paths[0].judgements;
    assert.equal(egress.decidedBy, 'no-policy');
    assert.deepEqual(
      [ingress.decidedBy, ingress.selectedBy, ingress.disagreement],
      ['default-deny', [{ kind: 'NetworkPolicy', namespace, name: 'closed', problems: [] }], null],
    );

    const following = startProcess(process.execPath, [
      program,
      'flows',
      '--follow',
      '--verdict',
      'dropped',
      '--type',
      'drop',
      '--pod',
      `${namespace}/server`,
    ]);
    let stderr = '';
    following.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const line = await firstLine(following, knock);
    assert.match(
      line,
      /^\w{3} [ \d]\d \d\d:\d\d:\d\d\.\d{3}: lab-sidecarless\/client:\d+ \(ID:\d+\) <> lab-sidecarless\/server:8080 \(ID:\d+\) Policy denied DROPPED \(TCP Flags: SYN\)$/,
    );
    following.kill('SIGINT');
    const { exitCode } = await following.ended;
    assert.deepEqual([exitCode, stderr], [130, '']);

    const past = await lab('flows', '--verdict', 'DROPPED', '--type', 'drop', '--json', '--last', '1');
    assert.equal(past.exitCode, 0, past.stderr);
    const { flow, node_name } = JSON.parse(past.stdout);
    assert.deepEqual([flow.verdict, flow.drop_reason_desc, node_name], ['DROPPED', 'POLICY_DENIED', nodes[1]]);
    assert.equal(past.stdout.split('\n').length, 2);
  });

  test('a reader that goes away ends it quietly', async () => {
    const { stdout, stderr } = await tryExec('sh', [
      '-c',
      '"$0" "$1" flows --last 1000 | head -n 1',
      process.execPath,
      program,
    ]);
    assert.deepEqual([stdout.trim().split('\n').length, stderr], [1, '']);
  });
});

/** The first line that a process prints while something is done again and again. */
async function firstLine({ stdout, ended }: Process, again: () => Promise<unknown>): Promise<string> {
  assert.ok(stdout);
  let first: string | null = null;
  createInterface({ input: stdout }).once('line', (line) => {
    first = line;
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (first === null) {
    assert.ok(!isOver, 'it ended before it printed anything');
    await again();
  }
  return first;
}

/** A connection of the client to the server by its Service, whatever becomes of it. */
async function knock(): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/services/workload`;
  const { spec } = await cluster.kube.json<V1Service>('GET', path, { signal });
  const script = `require('net').connect({ host: '${spec?.clusterIP}', port: 80, timeout: 300 })
    .on('connect', () => process.exit()).on('error', () => process.exit()).on('timeout', () => process.exit())`;
  await lab('exec', `${namespace}/client`, '--', 'node', '-e', script);
}

const closedPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'closed', namespace },
  spec: { podSelector: { matchLabels: { app: 'server' } }, policyTypes: ['Ingress'] },
} as KubernetesObject;

const pod = (of: string, app: string, node: string, container: object): KubernetesObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: app, namespace: of, labels: { app } },
    spec: {
      nodeName: node,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'app', ...container }],
    },
  }) as KubernetesObject;
const client = { image: 'lab/sidecarless', command: ['node', '-e', 'setInterval(() => {}, 60_000)'] };
const server = { image: 'lab/workload', args: ['--listen', ':8080', '--admin', ':8079'] };

const manifests = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: pools[0].namespace } } as KubernetesObject,
  pod(namespace, 'client', nodes[0], client),
  pod(namespace, 'server', nodes[1], server),
  pod(pools[0].namespace, 'client', pools[0].nodes[0], client),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'workload', namespace },
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
  } as KubernetesObject,
];

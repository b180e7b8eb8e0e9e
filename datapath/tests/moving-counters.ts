import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import type { DataPlane, Evidence, TestCase } from '../data-plane.ts';
import { object, startTestCluster, type TestCluster } from './cluster.ts';

// "Must not move" proves something of a counter that moves when it should: each is shown to, once, by real traffic.

/** The port of the test cases, and one that is not theirs. */
export const [port, otherPort] = [8082, 8080];

/** Makes one counter move, on a data plane that was prepared for the variant named. */
export type Way = { variant: string | null; placement: TestCase['placement']; go: (there: There) => Promise<unknown> };

export type There = {
  cluster: TestCluster;
  ask(pod: string, port: number): Promise<string>;
};

/**
 * Starts a cluster with the pods and the Service of a run, and tests that every counter of the data plane that must not move
 * moves by the way that is given for it.
 */
export async function testMovingCounters(
  t: TestContext,
  dataPlane: DataPlane,
  ways: Readonly<Record<string, Way>>,
): Promise<There> {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const cluster = await startTestCluster(dataPlane.id, stop.signal);
  const { context, pool } = cluster;
  await dataPlane.install(context, pool);
  await context.kube.apply(manifests(cluster), stop.signal);
  const pods = new Map((await cluster.readyPods('app', 4)).map((pod) => [pod.metadata?.name ?? '', pod]));
  await dataPlane.ready(context, pool);
  const { spec } = await context.kube.json<{ spec: { clusterIP: string } }>(
    'GET',
    `/api/v1/namespaces/${pool.namespace}/services/workload`,
  );
  const program = (port: number): string[] => ['-e', asking, `http://${spec.clusterIP}:${port}/`];
  const there: There = {
    cluster,
    ask: async (pod, port) =>
      (
        await cluster.run(pods.get(pod) as V1Pod, pod === 'workload' ? 'asking' : 'app', ['node', ...program(port)])
      ).stdout.trim(),
  };
  const modes = dataPlane.modes.filter(({ profile, encryption }) => profile === 'l4' && encryption === 'none');
  const cases = modes.flatMap(({ variant }) =>
    (['cross-node', 'same-node'] as const).map(
      (placement): TestCase => ({ pool, placement, profile: 'l4', encryption: 'none', variant, port }),
    ),
  );

  await t.test('every counter that must not move has a way that moves it', async () => {
    for (const testCase of cases.filter((one) => dataPlane.supports(one).supported)) {
      const traffic = { requests: 1, connections: 1, bytesSent: 1, bytesReceived: 1 };
      const claimed = dataPlane.expected(testCase, traffic).map(({ counter }) => counter);
      const counters = Object.keys(await dataPlane.evidence(context, testCase));
      for (const counter of counters.filter((one) => !claimed.includes(one))) {
        assert.ok(counter in ways, `nothing shows that ${counter} moves (${testCase.placement} ${testCase.variant})`);
      }
    }
  });

  for (const [counter, { variant, placement, go }] of Object.entries(ways)) {
    await t.test(`${counter} moves`, async () => {
      const testCase: TestCase = { pool, placement, profile: 'l4', encryption: 'none', variant, port };
      await dataPlane.prepare?.(context, testCase);
      const before = await dataPlane.evidence(context, testCase);
      await go(there);
      assert.ok(growth(before, await dataPlane.evidence(context, testCase), counter) > 0);
    });
  }
  return there;
}

/** Prints the status of one answer, or that there was none within a second. */
const asking = `
const signal = AbortSignal.timeout(1000);
// Its end does not wait for a connection that is still being tried.
const say = (text) => process.stdout.write(String(text), () => process.exit(0));
fetch(process.argv[1], { signal }).then(({ status }) => say(status), () => say('no answer'));
`;

function growth(before: Evidence, after: Evidence, counter: string): number {
  const [then, now] = [before[counter] ?? null, after[counter] ?? null];
  assert.ok(then !== null && now !== null, `${counter} cannot be read`);
  return now - then;
}

const idle = { image: 'lab/sidecarless', command: ['node', '-e', 'setInterval(() => {}, 1e9)'] };

function manifests({ pool }: TestCluster): KubernetesObject[] {
  const { namespace, nodes } = pool;
  const pod = (name: string, node: string, { labels, account, ...container }: PodOf): KubernetesObject =>
    object({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: { app: name, ...labels } },
      spec: {
        nodeName: node,
        serviceAccountName: account,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        // From the workload's own address too.
        containers: [{ name: 'app', ...container }, ...(name === 'workload' ? [{ name: 'asking', ...idle }] : [])],
      },
    });
  const generator = (placement: string) => ({ 'lab.role': 'generator', 'lab.placement': placement });
  return [
    object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
    ...['generator', 'stranger', 'workload'].map((name) =>
      object({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }),
    ),
    object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'workload', namespace },
      spec: {
        selector: { app: 'workload' },
        ports: [port, otherPort].map((number) => ({ name: `port-${number}`, port: number, targetPort: number })),
      },
    }),
    pod('generator', nodes[0], { labels: generator('cross-node'), account: 'generator', ...idle }),
    pod('beside', nodes[1], { labels: generator('same-node'), account: 'generator', ...idle }),
    pod('stranger', nodes[0], { labels: {}, account: 'stranger', ...idle }),
    pod('workload', nodes[1], {
      labels: { 'lab.role': 'workload' },
      account: 'workload',
      image: 'lab/workload',
      args: ['--listen', `:${port},:${otherPort}`, '--admin', ':8079'],
    }),
  ];
}

type PodOf = { labels: Record<string, string>; account: string; image: string; command?: string[]; args?: string[] };

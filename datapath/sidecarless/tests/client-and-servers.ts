import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { object, startTestCluster, type TestCluster } from '../../tests/cluster.ts';
import { sidecarless } from '../sidecarless.ts';

/** A cluster on which pods talk, by their names: `client`, `near` on its node, and `far` on the other. */
export type ClientAndServers = { cluster: TestCluster; pods: ReadonlyMap<string, V1Pod> };

let shared: Promise<ClientAndServers> | undefined;

/**
 * The one that this process has, which ends with it: the first caller starts it. It is for tests that put back what they
 * change. Everybody answers on 8080, and the servers on 8081 too.
 */
export function clientAndServers(): Promise<ClientAndServers> {
  shared ??= startClientAndServers();
  return shared;
}

async function startClientAndServers(): Promise<ClientAndServers> {
  const { signal } = new AbortController();
  const cluster = await startTestCluster('sidecarless', signal);
  const { context, pool } = cluster;
  await sidecarless.install(context, pool);
  await context.kube.apply(manifests(cluster), signal);
  const found = await cluster.readyPods('app', 3);
  return { cluster, pods: new Map(found.map((pod) => [pod.metadata?.name ?? '', pod])) };
}

function manifests({ pool }: TestCluster): KubernetesObject[] {
  const pod = (app: string, node: string, container: object): KubernetesObject =>
    object({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: app, namespace: pool.namespace, labels: { app } },
      spec: {
        nodeName: node,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'app', ...container }],
      },
    });
  const client = {
    image: 'lab/sidecarless',
    command: ['node', '-e', "require('http').createServer((_, response) => response.end('me')).listen(8080)"],
  };
  const server = {
    image: 'lab/workload',
    args: ['--listen', ':8080,:8081', '--admin', ':8079'],
    ports: [{ name: 'web', containerPort: 8080 }],
  };
  return [pod('client', pool.nodes[0], client), pod('near', pool.nodes[0], server), pod('far', pool.nodes[1], server)];
}

import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { type Pool, poolOf } from '../../clusters/cluster.ts';
import { type ExecResult, tryExec } from '../../clusters/exec.ts';
import { catalogueOf } from '../../clusters/images/images.ts';
import { isPodReady } from '../../clusters/kube/pod-ready.ts';
import { startEmbeddedCluster } from '../../clusters/netns/embedded-cluster.ts';
import { privateRun, testCgroup } from '../../clusters/netns/tests/namespaces.ts';
import { loadImages } from '../../runners/load/programs.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { dataPlanes } from '../data-planes.ts';

/** An embedded cluster with one pool, in the namespaces of the test. */
export type TestCluster = {
  context: DataPlaneContext;
  pool: Pool;
  /** Runs a command in a container of a pod of the pool's namespace, whatever its exit code. */
  run(pod: V1Pod, container: string, command: readonly string[]): Promise<ExecResult>;
  /** Process id (in the test's process namespace) of a node, which holds its network. */
  nodePids: readonly number[];
  /** Pods of the pool's namespace, once all of them are ready and there are as many. */
  readyPods(labelSelector: string, count: number): Promise<readonly V1Pod[]>;
};

const readyTimeoutSeconds = 60;

/** Starts a control plane and the two nodes of a pool of that data plane. */
export async function startTestCluster(dataPlane: string, signal: AbortSignal): Promise<TestCluster> {
  const pool = poolOf(dataPlane, dataPlane);
  await privateRun();
  const { kube, runtime, nodes } = await startEmbeddedCluster({
    nodes: pool.nodes.map((name) => ({ name, pool: pool.name })),
    images: catalogueOf([...dataPlanes.flatMap(({ images }) => images), ...loadImages]),
    cgroupRoot: testCgroup(),
    signal,
  });
  return {
    context: { kube, signal, progress: () => undefined },
    pool,
    nodePids: nodes.map(({ pid }) => pid),
    run(pod, container, command) {
      const { namespace, name } = pod.metadata ?? {};
      const { file, args } = runtime.execCommand({
        namespace: namespace ?? '',
        pod: name ?? '',
        container,
        command: [...command],
        tty: false,
      });
      return tryExec(file, args);
    },
    readyPods: (labelSelector, count) =>
      kube.waitFor<V1Pod>(`/api/v1/namespaces/${pool.namespace}/pods`, {
        signal,
        timeoutSeconds: readyTimeoutSeconds,
        what: `${count} ready pods with ${labelSelector}`,
        labelSelector,
        condition: (pods) => pods.length === count && pods.every(isPodReady),
        describe: (pods) =>
          pods.map(({ metadata, status }) => `${metadata?.name} ${JSON.stringify(status)}`).join('\n'),
      }),
  };
}

/** An object of any kind, for `kube.apply`. */
export function object(value: object): KubernetesObject {
  return value as KubernetesObject;
}

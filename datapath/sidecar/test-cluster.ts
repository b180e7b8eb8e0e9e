import { mkdir } from 'node:fs/promises';
import type { KubernetesObject, V1Pod } from '@kubernetes/client-node';
import { type Pool, poolLabel, poolOf } from '../../clusters/cluster.ts';
import { createPki } from '../../clusters/control-plane/pki.ts';
import { startControlPlane } from '../../clusters/control-plane/start.ts';
import { type ExecResult, exec, tryExec } from '../../clusters/exec.ts';
import { images } from '../../clusters/images.ts';
import { addressPlan } from '../../clusters/netns/address-plan.ts';
import { enter, holdNamespace } from '../../clusters/netns/namespace.ts';
import * as network from '../../clusters/netns/network.ts';
import { createNode } from '../../clusters/netns/node.ts';
import { privateDirectory, runtimeDirectory } from '../../clusters/netns/paths.ts';
import { startRuntime } from '../../clusters/netns/runtime/runtime.ts';
import type { DataPlaneContext } from '../data-plane.ts';
import { testCgroup } from '../envoy/test-namespace.ts';

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

/** Starts a real control plane and two nodes, as the supervisor of the embedded cluster does. */
export async function startTestCluster(signal: AbortSignal): Promise<TestCluster> {
  const pool = poolOf('sidecar', 'sidecar');
  await mkdir(runtimeDirectory, { recursive: true });
  await exec('mount', ['-t', 'tmpfs', 'lab-test', runtimeDirectory], { signal });
  await mkdir(privateDirectory, { recursive: true });
  const [fabricPid, controlPlanePid, pki] = await Promise.all([
    holdNamespace('fabric', '', signal),
    holdNamespace('control-plane', '', signal),
    createPki(['127.0.0.1', '10.96.0.1', addressPlan.controlPlane, addressPlan.legThere(0)], addressPlan.legHere(0)),
  ]);
  await network.createFabric(fabricPid, signal);
  await network.join(fabricPid, { pid: controlPlanePid, index: 0, address: addressPlan.controlPlane }, signal);
  const server = `https://${addressPlan.legThere(0)}:${addressPlan.apiserverPort}`;
  const controlPlane = startControlPlane(
    {
      directory: `${privateDirectory}/control-plane`,
      address: addressPlan.controlPlane,
      port: addressPlan.apiserverPort,
      serviceCidr: addressPlan.serviceCidr,
      podCidr: addressPlan.podCidr,
    },
    { pki, server, logDirectory: runtimeDirectory, signal, enter: (file, args) => enter(controlPlanePid, file, args) },
  );
  const nodes = await Promise.all(
    pool.nodes.map((name, position) =>
      createNode({ name, pool: pool.name, index: position + 1 }, { fabricPid, controlPlanePid, signal }),
    ),
  );
  const { kube } = await controlPlane;
  const runtime = await startRuntime({
    kube,
    images,
    nodes: nodes.map((node) => ({ ...node, labels: { [poolLabel]: node.pool } })),
    cgroupRoot: testCgroup(),
    kubelet: {
      address: addressPlan.legHere(0),
      port: addressPlan.kubeletPort,
      certificate: pki.kubelet,
      clientCa: pki.ca,
    },
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
        condition: (pods) => pods.length === count && pods.every(isReady),
        describe: (pods) =>
          pods.map(({ metadata, status }) => `${metadata?.name} ${JSON.stringify(status)}`).join('\n'),
      }),
  };
}

/** An object of any kind, for `kube.apply`. */
export function object(value: object): KubernetesObject {
  return value as KubernetesObject;
}

function isReady({ metadata, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

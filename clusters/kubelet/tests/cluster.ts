import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before } from 'node:test';
import type { V1ObjectMeta, V1Pod, V1PodSpec } from '@kubernetes/client-node';
import { kubeconfig } from '../../control-plane/kubeconfig.ts';
import { type ExecResult, tryExec } from '../../exec.ts';
import { ownImages } from '../../images/images.ts';
import type { Kube } from '../../kube/kube.ts';
import { startEmbeddedCluster } from '../../netns/embedded-cluster.ts';
import { privateRun, testCgroup, testInNamespaces } from '../../netns/tests/namespaces.ts';
import { toolPath } from '../../tools/tools.ts';
import { nodePath, type RuntimeNode } from '../node/runtime-node.ts';
import type { Runtime } from '../runtime.ts';

export type TestCluster = {
  kube: Kube;
  runtime: Runtime;
  node: RuntimeNode;
  /** Runs the pinned kubectl, whatever its exit code. */
  kubectl(args: readonly string[], input?: string): Promise<ExecResult>;
  /** Writes a network configuration to the node, as an agent would. */
  installNetwork(): Promise<void>;
  /** Creates a pod on the node; its grace period is 1 s unless the specification has another. */
  createPod(name: string, spec: Partial<V1PodSpec>, metadata?: V1ObjectMeta): Promise<void>;
  /** Resolves with the pod as soon as it is as wanted. */
  podWhen(name: string, what: string, condition: (pod: V1Pod) => boolean): Promise<V1Pod>;
  /** Deletes a pod and resolves when it has gone from the API. */
  deletePod(name: string): Promise<void>;
  /** What `kubectl logs` prints. @throws when it fails */
  logs(...args: readonly string[]): Promise<string>;
  /** Runs a command in a running container as `lab exec` does, whatever its exit code. */
  run(pod: string, command: readonly string[], container?: string): Promise<ExecResult>;
  /** Reasons and messages of the events of a pod. */
  events(pod: string): Promise<string[]>;
  cgroupRoot: string;
  /** What the runtime said for the supervisor's log. */
  lines: string[];
};

/**
 * Declares the tests of a file, with a cluster of one node in namespaces of their own.
 * `network`: whether the node has a network configuration from the beginning.
 */
export function testInside(
  file: string,
  { network }: { network: boolean },
  declare: (cluster: () => TestCluster) => void,
): void {
  testInNamespaces(file, () => {
    const stop = new AbortController();
    let cluster: TestCluster | undefined;
    before(async () => {
      cluster = await startTestCluster(stop.signal);
      if (network) await cluster.installNetwork();
    });
    declare(() => {
      assert.ok(cluster !== undefined);
      return cluster;
    });
  });
}

const timeoutSeconds = 30;

/** A control plane and one node without a network configuration. */
async function startTestCluster(signal: AbortSignal): Promise<TestCluster> {
  const directory = await privateRun();
  const cgroupRoot = testCgroup();
  const lines: string[] = [];
  const { kube, runtime, nodes, pki, server } = await startEmbeddedCluster({
    nodes: [{ name: 'node-1', pool: 'test' }],
    images: ownImages,
    cgroupRoot,
    signal,
    log: (line) => {
      lines.push(line);
      process.stderr.write(`runtime: ${line}\n`);
    },
  });
  const [node] = nodes;
  assert.ok(node !== undefined);
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  const hasAccount = (found: readonly unknown[]): boolean => found.length > 0;
  await kube.waitFor(accounts, { signal, timeoutSeconds: 20, what: 'a service account', condition: hasAccount });
  const config = join(directory, 'kubeconfig');
  await writeFile(config, kubeconfig(server, pki.ca, pki.admin));
  const pods = '/api/v1/namespaces/default/pods';
  const kubectl: TestCluster['kubectl'] = (args, input) =>
    tryExec(toolPath('kubectl'), [`--kubeconfig=${config}`, ...args], input === undefined ? {} : { input });
  const podWhen: TestCluster['podWhen'] = async (name, what, condition) => {
    const [pod] = await kube.waitFor<V1Pod>(pods, {
      signal,
      timeoutSeconds,
      what: `pod ${name}: ${what}`,
      fieldSelector: `metadata.name=${name}`,
      condition: ([found]) => found !== undefined && condition(found),
      describe: ([found]) => JSON.stringify(found?.status ?? 'not there', null, 1),
    });
    assert.ok(pod !== undefined);
    return pod;
  };
  return {
    kube,
    runtime,
    node,
    kubectl,
    podWhen,
    cgroupRoot,
    lines,
    installNetwork: () => writeFile(nodePath(node, '/etc/cni/net.d/10-test.conflist'), ptpNetwork(node.podCidr)),
    async createPod(name, spec, metadata = {}) {
      const own = { nodeName: node.name, terminationGracePeriodSeconds: 1, containers: [], ...spec };
      await kube.json('POST', pods, {
        body: { metadata: { name, ...metadata }, spec: own },
        query: { fieldValidation: 'Strict' },
      });
    },
    async deletePod(name) {
      await kube.json('DELETE', `${pods}/${name}`);
      await kube.waitFor<V1Pod>(pods, {
        signal,
        timeoutSeconds,
        what: `pod ${name} to go`,
        fieldSelector: `metadata.name=${name}`,
        condition: (found) => found.length === 0,
        describe: ([pod]) => JSON.stringify(pod, null, 1),
      });
    },
    async logs(...args) {
      const { exitCode, stdout, stderr } = await kubectl(['logs', ...args]);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    },
    run(pod, command, container) {
      const { file, args } = runtime.execCommand({
        namespace: 'default',
        pod,
        container: container ?? null,
        command: [...command],
        tty: false,
      });
      return tryExec(file, args);
    },
    async events(pod) {
      const list = await kube.json<{ items: { involvedObject: { name: string }; reason: string; message: string }[] }>(
        'GET',
        '/api/v1/namespaces/default/events',
      );
      return list.items
        .filter(({ involvedObject }) => involvedObject.name === pod)
        .map(({ reason, message }) => `${reason}: ${message}`);
    },
  };
}

function ptpNetwork(subnet: string): string {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'test',
    plugins: [
      { type: 'ptp', ipMasq: false, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

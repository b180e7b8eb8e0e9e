import assert from 'node:assert/strict';
import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1ObjectMeta, V1Pod, V1PodSpec } from '@kubernetes/client-node';
import { poolLabel } from '../../cluster.ts';
import { kubeconfig } from '../../control-plane/kubeconfig.ts';
import { createPki } from '../../control-plane/pki.ts';
import { startControlPlane } from '../../control-plane/start.ts';
import { type ExecResult, exec, start, tryExec } from '../../exec.ts';
import { images } from '../../images.ts';
import type { Kube } from '../../kube.ts';
import { toolPath } from '../../tools.ts';
import { addressPlan } from '../address-plan.ts';
import { hierarchies } from '../cgroup.ts';
import { enter, holdNamespace } from '../namespace.ts';
import * as network from '../network.ts';
import { createNode } from '../node.ts';
import { privateDirectory, runtimeDirectory } from '../paths.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { nodePath, type RuntimeNode } from './runtime-node.ts';

/** Set in the process that runs the tests, to its own cgroup subtree: a lab that is up meanwhile is left alone. */
const insideVariable = 'LAB_RUNTIME_TEST';

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
 * Declares the tests of a file: outside, one test that runs them all inside; inside, the tests themselves.
 * `network`: whether the node has a network configuration from the beginning.
 */
export function testInside(
  file: string,
  { network }: { network: boolean },
  declare: (cluster: () => TestCluster) => void,
): void {
  if (process.env[insideVariable] === undefined) {
    const skip = process.getuid?.() === 0 ? false : 'needs root';
    test('in namespaces of its own', { skip }, async () => {
      const { exitCode, output } = await runInside(file);
      assert.equal(exitCode, 0, output);
    });
    return;
  }
  const stop = new AbortController();
  let cluster: TestCluster | undefined;
  before(async () => {
    cluster = await startTestCluster(stop.signal, process.env[insideVariable] ?? '');
    if (network) await cluster.installNetwork();
  });
  declare(() => {
    assert.ok(cluster !== undefined);
    return cluster;
  });
}

const timeoutSeconds = 30;

/**
 * Runs a test file in namespaces of its own, where nothing of the host can be touched and whose end is the end of
 * everything in them. @returns its exit code and output.
 */
async function runInside(file: string): Promise<{ exitCode: number | null; output: string }> {
  const cgroupRoot = `datapath-lab-test-${process.pid}`;
  const child = start(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', '--'],
      // The cluster's processes keep the process alive; they end with the namespace.
      ...['sh', '-c', '"$@"; exit $?', 'test', process.execPath, '--test-reporter=spec', '--test-force-exit', file],
    ],
    { env: { [insideVariable]: cgroupRoot, NODE_TEST_CONTEXT: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (process.env.LAB_TEST_VERBOSE) process.stderr.write(chunk);
    });
  }
  const { exitCode } = await child.ended;
  await removeTestCgroups(cgroupRoot);
  return { exitCode, output };
}

/** A control plane and one node without a network configuration, as the supervisor makes them. */
async function startTestCluster(signal: AbortSignal, cgroupRoot: string): Promise<TestCluster> {
  await mkdir(runtimeDirectory, { recursive: true });
  await exec('mount', ['-t', 'tmpfs', 'datapath-lab-test', runtimeDirectory], { signal });
  await mkdir(privateDirectory, { recursive: true });
  const [fabricPid, controlPlanePid, pki] = await Promise.all([
    holdNamespace('fabric', '', signal),
    holdNamespace('control-plane', '', signal),
    createPki(['127.0.0.1', '10.96.0.1', addressPlan.controlPlane, addressPlan.legThere(0)], addressPlan.legHere(0)),
  ]);
  await network.createFabric(fabricPid, signal);
  await network.join(fabricPid, { pid: controlPlanePid, index: 0, address: addressPlan.controlPlane }, signal);
  const server = `https://${addressPlan.legThere(0)}:${addressPlan.apiserverPort}`;
  const settings = {
    directory: `${privateDirectory}/control-plane`,
    address: addressPlan.controlPlane,
    port: addressPlan.apiserverPort,
    serviceCidr: addressPlan.serviceCidr,
    podCidr: addressPlan.podCidr,
  };
  const context = { pki, server, logDirectory: runtimeDirectory, signal };
  const [{ kube }, made] = await Promise.all([
    startControlPlane(settings, { ...context, enter: (file, args) => enter(controlPlanePid, file, args) }),
    createNode({ name: 'node-1', pool: 'test', index: 1 }, { fabricPid, controlPlanePid, signal }),
  ]);
  const node: RuntimeNode = { ...made, labels: { [poolLabel]: 'test' } };
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  const hasAccount = (found: readonly unknown[]): boolean => found.length > 0;
  await kube.waitFor(accounts, { signal, timeoutSeconds: 20, what: 'a service account', condition: hasAccount });
  const lines: string[] = [];
  const runtime = await startRuntime({
    kube,
    images,
    nodes: [node],
    cgroupRoot,
    kubelet: {
      address: addressPlan.legHere(0),
      port: addressPlan.kubeletPort,
      certificate: pki.kubelet,
      clientCa: pki.ca,
    },
    signal,
    log: (line) => {
      lines.push(line);
      process.stderr.write(`runtime: ${line}\n`);
    },
  });
  const config = join(runtimeDirectory, 'kubeconfig');
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
        command,
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

/** A cgroup stays busy for a moment after its last process. */
async function removeTestCgroups(root: string): Promise<void> {
  const remove = async (directory: string): Promise<void> => {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await remove(join(directory, entry.name));
    await rmdir(directory).catch(() => undefined);
  };
  const deadline = Date.now() + 10_000;
  for (const directory of (await hierarchies()).map((point) => join(point, root))) {
    for (;;) {
      await remove(directory);
      if ((await stat(directory).catch(() => null)) === null) break;
      assert.ok(Date.now() < deadline, `${directory} cannot be removed`);
      await delay(20);
    }
  }
  await rmdir(runtimeDirectory).catch(() => undefined);
}

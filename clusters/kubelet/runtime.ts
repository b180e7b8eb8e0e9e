import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { ImageCatalogue } from '../images/images.ts';
import type { Kube } from '../kube/kube.ts';
import { eventRecorder } from './events.ts';
import { type ExecRequest, execCommand } from './exec-command.ts';
import { NodeAgent } from './node/node-agent.ts';
import type { RuntimeNode } from './node/runtime-node.ts';
import { removeNodeCgroup } from './pod/cgroup.ts';
import { PodWorker } from './pod/worker.ts';
import type { RuntimeContext } from './runtime-context.ts';
import { type FindContainer, type KubeletServerOptions, serveKubelet } from './server.ts';
import { referredObjects } from './volume/referred-objects.ts';

export type RuntimeOptions = {
  kube: Kube;
  images: ImageCatalogue;
  nodes: readonly RuntimeNode[];
  /** The lab's subtree in every cgroup hierarchy; pods are in `<root>/<node>/kubepods/pod<uid>/<container id>`. */
  cgroupRoot: string;
  /** Where the API server asks for logs, for all nodes. */
  kubelet: KubeletServerOptions;
  signal: AbortSignal;
  /** Lines for the supervisor's log; standard error when left out. */
  log?: (line: string) => void;
};

/** The running node runtime. */
export type Runtime = {
  addNode(node: RuntimeNode): Promise<void>;
  /** Ends the node's pods, and takes them and the node out of the API. */
  removeNode(name: string): Promise<void>;
  /**
   * The command line that runs a program in a running container, from the supervisor's namespaces.
   * @throws LabError LAB_POD_UNKNOWN, LAB_CONTAINER_UNKNOWN or LAB_CONTAINER_NOT_RUNNING.
   */
  execCommand(request: ExecRequest): { file: string; args: string[] };
};

/** Kubelet's default: a quarter of the lease's duration. */
const leasePeriodMs = 10_000;

/**
 * Does kubelet's and containerd's work for all nodes of the cluster. Resolves when the nodes are registered; pods that
 * are bound to them then run. When the signal aborts it does nothing more: the processes end with their namespace.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { kube, signal, kubelet, cgroupRoot } = options;
  const log = options.log ?? ((line) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`));
  const agents = new Map<string, NodeAgent>();
  const workers = new Map<string, PodWorker>();
  // Pods whose node is not there (yet).
  const homeless = new Map<string, V1Pod>();

  const services = kube.inform<V1Service>('/api/v1/services', { signal });
  const context: RuntimeContext = {
    kube,
    images: options.images,
    cgroupRoot,
    objects: referredObjects(kube, signal),
    services: () => services.list(),
    events: eventRecorder(kube, log),
    log,
  };

  const begin = (key: string, pod: V1Pod): void => {
    const agent = agents.get(pod.spec?.nodeName ?? '');
    if (agent === undefined) {
      homeless.set(key, pod);
      return;
    }
    workers.set(key, new PodWorker(context, agent.node, agent.cni, pod));
  };
  const onPod = (pod: V1Pod, deleted: boolean): void => {
    const key = keyOf(pod.metadata?.namespace, pod.metadata?.name);
    const worker = workers.get(key);
    homeless.delete(key);
    if (worker !== undefined && (deleted || worker.uid !== pod.metadata?.uid)) {
      worker.removed();
      workers.delete(key);
    }
    if (deleted || pod.spec?.nodeName === undefined) return;
    const known = workers.get(key);
    if (known === undefined) begin(key, pod);
    else known.update(pod);
  };

  const addNode = async (node: RuntimeNode): Promise<void> => {
    const agent = await NodeAgent.start(node, { kube, kubelet, images: Object.keys(options.images), log });
    agents.set(node.name, agent);
    for (const pod of [...homeless.values()]) if (pod.spec?.nodeName === node.name) onPod(pod, false);
  };
  const removeNode = async (name: string): Promise<void> => {
    const agent = agents.get(name);
    if (agent === undefined) return;
    agents.delete(name);
    const ours = [...workers.values()].filter(({ node }) => node.name === name);
    await Promise.all(ours.map((worker) => worker.evict()));
    await agent.remove();
    await removeNodeCgroup(cgroupRoot, name);
  };
  const find: FindContainer = (namespace, pod, container) => {
    const loop = workers.get(keyOf(namespace, pod))?.container(container);
    if (loop === undefined) return { missing: `pod "${namespace}/${pod}" does not exist on this node` };
    return loop === null ? { missing: `container "${container}" not found in pod "${pod}"` } : { found: loop };
  };

  await serveKubelet(kubelet, find, signal);
  await Promise.all(options.nodes.map(addNode));
  kube.inform<V1Pod>('/api/v1/pods', {
    signal,
    onChange: (pod, deleted) => {
      try {
        onPod(pod, deleted);
      } catch (error) {
        // One pod that is not understood must not end the watch of all.
        log(`${keyOf(pod.metadata?.namespace, pod.metadata?.name)}: ${error instanceof Error ? error.stack : error}`);
      }
    },
  });
  const leases = setInterval(() => {
    for (const agent of agents.values()) {
      agent.renewLease().catch((error: Error) => log(`node ${agent.node.name}: lease not renewed: ${error.message}`));
    }
  }, leasePeriodMs);
  signal.addEventListener('abort', () => clearInterval(leases), { once: true });

  return {
    addNode,
    removeNode,
    execCommand: (request) => execCommand(workers.get(keyOf(request.namespace, request.pod)), request),
  };
}

function keyOf(namespace = '', name = ''): string {
  return `${namespace}/${name}`;
}

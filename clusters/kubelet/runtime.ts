import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { ImageCatalogue } from '../images/images.ts';
import type { Kube } from '../kube/kube.ts';
import { eventRecorder } from './events.ts';
import { type ExecRequest, execCommand } from './exec-command.ts';
import { NodeAgent } from './node/node-agent.ts';
import type { RuntimeNode } from './node/runtime-node.ts';
import { removeNodeCgroup } from './pod/cgroup.ts';
import { PodWorkers } from './pod/workers.ts';
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

/**
 * Does kubelet's and containerd's work for all nodes of the cluster. Resolves when the nodes are registered; pods that
 * are bound to them then run. When the signal aborts it does nothing more: the processes end with their namespace.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { kube, signal, kubelet, cgroupRoot, images } = options;
  const context = runtimeContext(options);
  const agents = new Map<string, NodeAgent>();
  const workers = new PodWorkers(context, agents);

  const addNode = async (node: RuntimeNode): Promise<void> => {
    const agent = await NodeAgent.start(node, { kube, kubelet, images: Object.keys(images), log: context.log });
    agents.set(node.name, agent);
    workers.nodeAdded(node.name);
  };
  const removeNode = async (name: string): Promise<void> => {
    const agent = agents.get(name);
    if (agent === undefined) return;
    agents.delete(name);
    await workers.evict(name);
    await agent.remove();
    await removeNodeCgroup(cgroupRoot, name);
  };

  await serveKubelet(kubelet, findIn(workers), signal);
  await Promise.all(options.nodes.map(addNode));
  kube.inform<V1Pod>('/api/v1/pods', { signal, onChange: (pod, deleted) => workers.follow(pod, deleted) });
  renewLeases(agents, { signal, log: context.log });

  return {
    addNode,
    removeNode,
    execCommand: (request) => execCommand(workers.find(request.namespace, request.pod), request),
  };
}

function runtimeContext({ kube, images, cgroupRoot, signal, log = logToStderr }: RuntimeOptions): RuntimeContext {
  const services = kube.inform<V1Service>('/api/v1/services', { signal });
  return {
    kube,
    images,
    cgroupRoot,
    objects: referredObjects(kube, signal),
    services: () => services.list(),
    events: eventRecorder(kube, log),
    log,
  };
}

function logToStderr(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

/** Where the server of logs finds containers. */
function findIn(workers: PodWorkers): FindContainer {
  return (namespace, pod, container) => {
    const loop = workers.find(namespace, pod)?.container(container);
    if (loop === undefined) return { missing: `pod "${namespace}/${pod}" does not exist on this node` };
    return loop === null ? { missing: `container "${container}" not found in pod "${pod}"` } : { found: loop };
  };
}

/** Kubelet's default: a quarter of the lease's duration. */
const leasePeriodMs = 10_000;

/** Says of all nodes at once that they are alive, again and again. */
function renewLeases(
  agents: ReadonlyMap<string, NodeAgent>,
  { signal, log }: { signal: AbortSignal; log: (line: string) => void },
): void {
  const timer = setInterval(() => {
    for (const agent of agents.values()) {
      agent.renewLease().catch((error: Error) => log(`node ${agent.node.name}: lease not renewed: ${error.message}`));
    }
  }, leasePeriodMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

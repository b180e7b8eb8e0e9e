import type { V1Pod } from '@kubernetes/client-node';
import type { NodeAgent } from '../node/node-agent.ts';
import type { RuntimeContext } from '../runtime-context.ts';
import { PodWorker } from './worker.ts';

/** The workers of all pods that are bound to nodes of the runtime. */
export class PodWorkers {
  readonly #context: RuntimeContext;
  readonly #agents: ReadonlyMap<string, NodeAgent>;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods whose node is not there (yet). */
  readonly #homeless = new Map<string, V1Pod>();

  /** @param agents nodes by name, as they are now. */
  constructor(context: RuntimeContext, agents: ReadonlyMap<string, NodeAgent>) {
    this.#context = context;
    this.#agents = agents;
  }

  find(namespace: string, name: string): PodWorker | undefined {
    return this.#workers.get(keyOf(namespace, name));
  }

  /** A pod's object has changed, or gone. */
  follow(pod: V1Pod, deleted: boolean): void {
    try {
      this.#follow(pod, deleted);
    } catch (error) {
      // One pod that is not understood must not end the watch of all.
      const { namespace, name } = pod.metadata ?? {};
      this.#context.log(`${keyOf(namespace, name)}: ${error instanceof Error ? error.stack : error}`);
    }
  }

  /** Runs the pods that have waited for a node. */
  nodeAdded(name: string): void {
    for (const pod of [...this.#homeless.values()]) if (pod.spec?.nodeName === name) this.#follow(pod, false);
  }

  /** Ends all pods of a node, and takes them out of the API. */
  async evict(nodeName: string): Promise<void> {
    const evicted = [...this.#workers.values()].filter(({ node }) => node.name === nodeName);
    await Promise.all(evicted.map((worker) => worker.evict()));
  }

  #follow(pod: V1Pod, deleted: boolean): void {
    const key = keyOf(pod.metadata?.namespace, pod.metadata?.name);
    const worker = this.#workers.get(key);
    this.#homeless.delete(key);
    if (worker !== undefined && (deleted || worker.uid !== pod.metadata?.uid)) {
      worker.removed();
      this.#workers.delete(key);
    }
    if (deleted || pod.spec?.nodeName === undefined) return;
    const known = this.#workers.get(key);
    if (known === undefined) this.#begin(key, pod);
    else known.update(pod);
  }

  #begin(key: string, pod: V1Pod): void {
    const agent = this.#agents.get(pod.spec?.nodeName ?? '');
    if (agent === undefined) this.#homeless.set(key, pod);
    else this.#workers.set(key, new PodWorker(this.#context, agent.node, agent.cni, pod));
  }
}

function keyOf(namespace = '', name = ''): string {
  return `${namespace}/${name}`;
}

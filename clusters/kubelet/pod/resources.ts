import type { V1Pod } from '@kubernetes/client-node';
import type { ReportEvent } from '../events.ts';
import type { CniDirectory } from '../network/cni-directory.ts';
import { PodNetwork } from '../network/pod-network.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import { retry } from '../retry.ts';
import type { RuntimeContext } from '../runtime-context.ts';
import { PodVolumes } from '../volume/pod-volumes.ts';
import { podCgroup, removePodCgroup } from './cgroup.ts';
import type { PodFacts } from './downward.ts';
import { createPodIpc, type PodIpc } from './ipc.ts';

export type PodResourcesContext = {
  runtime: RuntimeContext;
  node: RuntimeNode;
  cni: CniDirectory;
  pod: () => V1Pod;
  event: ReportEvent;
  log: (line: string) => void;
};

/** Kubelet's, between attempts at one volume. */
const volumeDelays = { firstSeconds: 0.5, longestSeconds: 122 };

/** What a pod has on its node for all its containers: volumes, network, shared memory, cgroup. */
export class PodResources {
  readonly volumes: PodVolumes;
  readonly network: PodNetwork;
  readonly #context: PodResourcesContext;
  #ipc: PodIpc | null = null;

  constructor(context: PodResourcesContext) {
    const { runtime, node, pod, log } = context;
    this.#context = context;
    this.network = new PodNetwork(context);
    this.volumes = new PodVolumes({ ...runtime, node, pod, facts: () => this.facts, log });
  }

  /** Null until it is made, and in a pod that has the node's. */
  get ipc(): PodIpc | null {
    return this.#ipc;
  }

  /** What the pod knows of itself. */
  get facts(): PodFacts {
    return { podIps: this.network.podIps, hostIp: this.#context.node.address };
  }

  /** From the root of every cgroup hierarchy. */
  get cgroup(): string {
    const { runtime, node, pod } = this.#context;
    return podCgroup(runtime.cgroupRoot, node.name, pod().metadata?.uid ?? '');
  }

  /** Makes them, each tried until it succeeds or the signal aborts. */
  async setUp(signal: AbortSignal): Promise<void> {
    // All to their end: a network that is made after the pod has ended would be nobody's.
    const outcomes = await Promise.allSettled([
      this.#setUpVolumes(signal),
      this.network.setUp(signal),
      this.#setUpIpc(),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Removes them when no container runs any more. `nodeGoes`: what cannot be removed goes with the node. */
  async tearDown(nodeGoes: () => boolean): Promise<void> {
    await this.network.tearDown(nodeGoes);
    await Promise.all([this.volumes.tearDown(), this.#ipc?.remove()]);
    await removePodCgroup(this.cgroup);
  }

  async #setUpVolumes(signal: AbortSignal): Promise<void> {
    await retry(() => this.volumes.setUp(), {
      delays: volumeDelays,
      signal,
      change: () => this.volumes.change(),
      onFailure: ({ message }) => this.#context.event('Warning', 'FailedMount', message),
    });
  }

  async #setUpIpc(): Promise<void> {
    const { node, pod } = this.#context;
    if (!pod().spec?.hostIPC) this.#ipc = await createPodIpc(node, pod().metadata?.uid ?? '');
  }
}

import type { V1Pod } from '@kubernetes/client-node';
import type { ReportEvent } from '../events.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import { retry } from '../retry.ts';
import type { CniDirectory } from './cni-directory.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

export type PodNetworkContext = {
  node: RuntimeNode;
  cni: CniDirectory;
  pod: () => V1Pod;
  event: ReportEvent;
};

const delays = { firstSeconds: 0.5, longestSeconds: 10 };

/** The network of one pod: made before its containers, removed after them. */
export class PodNetwork {
  readonly #context: PodNetworkContext;
  #sandbox: Sandbox | null = null;
  #podIps: readonly string[] = [];

  constructor(context: PodNetworkContext) {
    this.#context = context;
  }

  /** Empty until it is made; kept when it is gone. */
  get podIps(): readonly string[] {
    return this.#podIps;
  }

  /** Path of its namespace on the node, null where it has none (yet), as on the node's own network. */
  get namespace(): string | null {
    return this.#sandbox?.netns ?? null;
  }

  /** Tries until it is made. @throws the signal's reason when that aborts before. */
  async setUp(signal: AbortSignal): Promise<void> {
    const { node, pod, event } = this.#context;
    const { hostNetwork, shareProcessNamespace } = pod().spec ?? {};
    if (shareProcessNamespace) {
      const message = 'shareProcessNamespace is not supported by the embedded cluster';
      event('Warning', 'FailedCreatePodSandBox', message);
      return abortOf(signal);
    }
    if (hostNetwork) {
      this.#podIps = [node.address];
      return;
    }
    await retry(() => this.#setUpOnce(signal), {
      delays,
      signal,
      onFailure({ name, message }) {
        // Nobody waits for a network configuration any more.
        if (name !== 'AbortError') event('Warning', 'FailedCreatePodSandBox', message);
      },
    });
  }

  /** Tries until it is removed, or once where its node goes, which takes it along. */
  async tearDown(nodeGoes: () => boolean): Promise<void> {
    await retry(() => this.#tearDownOnce(nodeGoes), { delays, onFailure: () => undefined });
  }

  async #setUpOnce(signal: AbortSignal): Promise<void> {
    const { node, cni, pod, event } = this.#context;
    if (cni.current() === null) {
      event(
        'Warning',
        'NetworkNotReady',
        'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
      );
    }
    this.#sandbox = await createSandbox(node, pod(), await cni.network(signal));
    this.#podIps = this.#sandbox.podIps;
  }

  async #tearDownOnce(nodeGoes: () => boolean): Promise<void> {
    try {
      await this.#sandbox?.remove();
      this.#sandbox = null;
    } catch (error) {
      const { message } = error as Error;
      this.#context.event('Warning', 'FailedKillPod', `error killing pod: failed to remove its network: ${message}`);
      if (!nodeGoes()) throw error;
    }
  }
}

/** Rejects as soon as the signal aborts. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

import { rm } from 'node:fs/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { ContainerLoop } from '../container/loop.ts';
import { podEvents, type ReportEvent } from '../events.ts';
import { podLogDirectory } from '../log/run-logs.ts';
import type { CniDirectory } from '../network/cni-directory.ts';
import type { RuntimeNode } from '../node/runtime-node.ts';
import type { RuntimeContext } from '../runtime-context.ts';
import { PodContainers } from './containers.ts';
import { PodDeadline } from './deadline.ts';
import { removePodObject } from './object.ts';
import { PodResources } from './resources.ts';
import type { PodOutcome, StatusFacts } from './status.ts';
import { StatusPublisher } from './status-publisher.ts';
import { graceSecondsOf, Termination } from './termination.ts';

/** One pod on one node, from its binding to its removal from the API. */
export class PodWorker {
  readonly uid: string;
  readonly node: RuntimeNode;
  /** Resolves when nothing of the pod is left on the node, nor in the API. */
  readonly done: Promise<void>;
  #pod: V1Pod;
  readonly #context: RuntimeContext;
  readonly #event: ReportEvent;
  readonly #log: (line: string) => void;
  readonly #resources: PodResources;
  readonly #containers: PodContainers;
  readonly #status: StatusPublisher;
  readonly #deadline: PodDeadline;
  readonly #termination = new Termination();
  /** Aborts when the object is to go, or has gone. */
  readonly #removal = new AbortController();
  #outcome: PodOutcome | null = null;
  #networkReady = false;
  #gone = false;
  #nodeGoes = false;

  constructor(runtime: RuntimeContext, node: RuntimeNode, cni: CniDirectory, pod: V1Pod) {
    this.#context = runtime;
    this.node = node;
    this.#pod = pod;
    this.uid = pod.metadata?.uid ?? '';
    this.#event = podEvents(runtime.events, node.name, pod);
    this.#log = (line) => runtime.log(`${pod.metadata?.namespace}/${pod.metadata?.name}: ${line}`);
    const context = { runtime, node, pod: () => this.#pod, event: this.#event, log: this.#log };
    this.#resources = new PodResources({ ...context, cni });
    this.#containers = new PodContainers({
      ...context,
      resources: this.#resources,
      termination: this.#termination,
      changed: () => this.#status.publish(),
    });
    const startTime = pod.status?.startTime === undefined ? new Date() : new Date(pod.status.startTime);
    this.#status = new StatusPublisher(pod, { ...runtime, log: this.#log, facts: () => this.#statusFacts(startTime) });
    this.#deadline = new PodDeadline(startTime, () => this.#endOverdue());
    this.done = this.#run().catch((error: Error) => this.#log(`pod lost: ${error.stack ?? error.message}`));
  }

  /** The pod's object has changed. */
  update(pod: V1Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    this.#followDeletion();
    this.#containers.follow(pod);
    if (before.spec?.activeDeadlineSeconds !== pod.spec?.activeDeadlineSeconds) this.#setDeadline();
    if (descriptionOf(before) !== descriptionOf(pod)) this.#resources.volumes.podChanged();
    // Readiness gates and the generation count; what we have written ourselves changes nothing.
    if (pod.metadata?.deletionTimestamp === undefined) this.#status.publish();
  }

  /** The pod's object is no more: it was deleted without waiting for us, or by us. */
  removed(): void {
    this.#gone = true;
    this.#status.stop();
    this.#removal.abort();
    this.#termination.request(this.#pod.metadata?.deletionGracePeriodSeconds ?? 1);
  }

  /** Ends the pod and removes its object, whatever it is doing: its node goes. */
  evict(): Promise<void> {
    this.#nodeGoes = true;
    this.#removal.abort();
    this.#termination.request(1);
    return this.done;
  }

  /** @returns the container's loop; without a name, that of the first container. */
  container(name: string | null): ContainerLoop | null {
    return this.#containers.find(name);
  }

  get containerNames(): readonly string[] {
    return this.#containers.names;
  }

  async #run(): Promise<void> {
    const phase = this.#pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') return this.#finish();
    this.#followDeletion();
    this.#status.publish();
    this.#setDeadline();
    try {
      await this.#setUp();
      const outcome = await this.#containers.run();
      this.#outcome ??= outcome;
    } catch (error) {
      if (!this.#termination.requested) throw error;
    } finally {
      this.#deadline.clear();
    }
    this.#termination.request(graceSecondsOf(this.#pod));
    await this.#containers.stop();
    this.#outcome ??= this.#containers.outcome;
    await this.#tearDown();
    await this.#finish();
  }

  async #setUp(): Promise<void> {
    await this.#resources.setUp(this.#termination.signal);
    this.#networkReady = true;
    this.#status.publish();
  }

  async #tearDown(): Promise<void> {
    this.#networkReady = false;
    this.#status.publish();
    await this.#resources.tearDown(() => this.#nodeGoes);
  }

  /** The last word to the API: the final status stands until somebody deletes the pod, and then the object goes. */
  async #finish(): Promise<void> {
    await this.#status.flush();
    if (this.#pod.metadata?.deletionTimestamp === undefined && !this.#removal.signal.aborted) {
      await new Promise((resolve) => this.#removal.signal.addEventListener('abort', resolve, { once: true }));
    }
    await rm(podLogDirectory(this.node, this.#pod), { recursive: true, force: true });
    await removePodObject(this.#context.kube, this.#pod, { gone: () => this.#gone, log: this.#log });
    this.#context.events.forget(this.uid);
  }

  #followDeletion(): void {
    const { deletionTimestamp, deletionGracePeriodSeconds } = this.#pod.metadata ?? {};
    if (deletionTimestamp === undefined) return;
    this.#termination.request(deletionGracePeriodSeconds ?? graceSecondsOf(this.#pod));
    this.#removal.abort();
  }

  #setDeadline(): void {
    this.#deadline.set(this.#termination.requested ? undefined : this.#pod.spec?.activeDeadlineSeconds);
  }

  #endOverdue(): void {
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#outcome = { phase: 'Failed', reason: 'DeadlineExceeded', message };
    this.#event('Normal', 'DeadlineExceeded', message);
    this.#termination.request(graceSecondsOf(this.#pod));
  }

  #statusFacts(startTime: Date): StatusFacts {
    return {
      ...this.#resources.facts,
      pod: this.#pod,
      records: this.#containers.records,
      networkReady: this.#networkReady,
      startTime,
      outcome: this.#outcome,
    };
  }
}

/** What of a pod its volumes may show (downward API). */
function descriptionOf({ metadata = {} }: V1Pod): string {
  return JSON.stringify([metadata.labels, metadata.annotations]);
}

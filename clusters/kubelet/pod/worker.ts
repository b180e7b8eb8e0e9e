import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Container, V1Pod, V1PodCondition, V1Service } from '@kubernetes/client-node';
import { findImage, type ImageCatalogue } from '../../images/images.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import { ContainerLoop } from '../container/loop.ts';
import type { EventRecorder } from '../events.ts';
import { longestTimerMs } from '../long-delay.ts';
import type { CniDirectory } from '../network/cni-directory.ts';
import { etcFiles } from '../network/etc-files.ts';
import { createSandbox, type Sandbox } from '../network/sandbox.ts';
import { nodePath, type RuntimeNode } from '../node/runtime-node.ts';
import { PodVolumes } from '../volume/pod-volumes.ts';
import type { ReferredObjects } from '../volume/referred-objects.ts';
import { podCgroup, removePodCgroup } from './cgroup.ts';
import { planContainer } from './container-plan.ts';
import type { PodFacts } from './downward.ts';
import { createPodIpc, type PodIpc } from './ipc.ts';
import {
  type ContainerKind,
  type ContainerRecord,
  type PodOutcome,
  type PodStatusPatch,
  podStatus,
  waiting,
} from './status.ts';
import { StatusPublisher } from './status-publisher.ts';
import { Termination } from './termination.ts';

/** What all pods of the runtime share. */
export type RuntimeContext = {
  kube: Kube;
  images: ImageCatalogue;
  cgroupRoot: string;
  objects: ReferredObjects;
  services: () => readonly V1Service[];
  events: EventRecorder;
  log: (line: string) => void;
};

const defaultGraceSeconds = 30;

/** One pod on one node, from its binding to its removal from the API. */
export class PodWorker {
  readonly uid: string;
  readonly node: RuntimeNode;
  /** Resolves when nothing of the pod is left on the node, nor in the API. */
  readonly done: Promise<void>;
  private pod: V1Pod;
  private readonly context: RuntimeContext;
  private readonly cni: CniDirectory;
  private readonly loops = new Map<string, ContainerLoop>();
  private readonly termination = new Termination();
  private readonly removal = new AbortController();
  private readonly volumes: PodVolumes;
  private readonly status: StatusPublisher;
  private readonly startTime: Date;
  private conditions: readonly V1PodCondition[];
  private sandbox: Sandbox | null = null;
  private ipc: PodIpc | null = null;
  private podIps: readonly string[] = [];
  private networkReady = false;
  private outcome: PodOutcome | null = null;
  private gone = false;
  private nodeGoes = false;
  private retryVolumes: () => void = () => undefined;
  private deadline: NodeJS.Timeout | undefined;

  constructor(context: RuntimeContext, node: RuntimeNode, cni: CniDirectory, pod: V1Pod) {
    this.context = context;
    this.node = node;
    this.cni = cni;
    this.pod = pod;
    this.uid = pod.metadata?.uid ?? '';
    this.startTime = pod.status?.startTime === undefined ? new Date() : new Date(pod.status.startTime);
    this.conditions = pod.status?.conditions ?? [];
    this.volumes = new PodVolumes({
      kube: context.kube,
      objects: context.objects,
      node,
      pod: () => this.pod,
      facts: () => this.facts(),
      onChange: () => this.retryVolumes(),
      log: (line) => this.log(line),
    });
    this.status = new StatusPublisher(context.kube, {
      path: this.path,
      uid: this.uid,
      compute: () => this.computeStatus(),
      log: (line) => this.log(line),
    });
    this.makeLoops();
    this.done = this.run().catch((error: Error) => this.log(`pod lost: ${error.stack ?? error.message}`));
  }

  /** The pod's object has changed. */
  update(pod: V1Pod): void {
    const before = this.pod;
    this.pod = pod;
    this.followObject();
    for (const container of pod.spec?.containers ?? []) this.loops.get(container.name)?.follow(container);
    if (before.spec?.activeDeadlineSeconds !== pod.spec?.activeDeadlineSeconds) this.watchDeadline();
    if (JSON.stringify(before.metadata?.labels) !== JSON.stringify(pod.metadata?.labels)) this.volumes.podChanged();
    else if (JSON.stringify(before.metadata?.annotations) !== JSON.stringify(pod.metadata?.annotations)) {
      this.volumes.podChanged();
    }
    // Readiness gates and the generation count; what we have written ourselves changes nothing.
    if (pod.metadata?.deletionTimestamp === undefined) this.status.publish();
  }

  /** The pod's object is no more: it was deleted without waiting for us, or by us. */
  removed(): void {
    this.gone = true;
    this.status.stop();
    this.removal.abort();
    this.termination.request(this.pod.metadata?.deletionGracePeriodSeconds ?? 1);
  }

  /** Ends the pod and removes its object, whatever it is doing: its node goes. */
  evict(): Promise<void> {
    this.nodeGoes = true;
    this.removal.abort();
    this.termination.request(1);
    return this.done;
  }

  /** @returns the container's loop; without a name, that of the first container. */
  container(name: string | null): ContainerLoop | null {
    const first = this.pod.spec?.containers[0]?.name;
    return this.loops.get(name ?? first ?? '') ?? null;
  }

  get containerNames(): readonly string[] {
    return [...this.loops.keys()];
  }

  private async run(): Promise<void> {
    const phase = this.pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') return this.finish();
    this.followObject();
    this.status.publish();
    this.watchDeadline();
    try {
      await this.setUp();
      await this.runContainers();
    } catch (error) {
      if (!this.termination.requested) throw error;
    } finally {
      clearTimeout(this.deadline);
    }
    this.termination.request(this.graceSeconds);
    await this.stopContainers();
    this.outcome ??= this.outcomeOfContainers();
    await this.tearDown();
    await this.finish();
  }

  /** Volumes and network, each tried until it succeeds or the pod is to end. */
  private async setUp(): Promise<void> {
    // All to their end: a network that is made after the pod has ended would be nobody's.
    const outcomes = await Promise.allSettled([this.setUpVolumes(), this.setUpNetwork(), this.setUpIpc()]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.networkReady = true;
    this.status.publish();
  }

  private async setUpVolumes(): Promise<void> {
    const signal = this.termination.signal;
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 122_000)) {
      signal.throwIfAborted();
      const changed = new Promise<void>((resolve) => {
        this.retryVolumes = resolve;
      });
      try {
        return await this.volumes.setUp();
      } catch (error) {
        this.event('Warning', 'FailedMount', messageOf(error));
      }
      const stop = new AbortController();
      await Promise.race([
        changed,
        delay(waitMs, undefined, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => undefined),
      ]);
      stop.abort();
    }
  }

  private async setUpNetwork(): Promise<void> {
    const signal = this.termination.signal;
    if (this.pod.spec?.shareProcessNamespace) {
      this.event('Warning', 'FailedCreatePodSandBox', 'shareProcessNamespace is not supported by the embedded cluster');
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    }
    if (this.pod.spec?.hostNetwork) {
      this.podIps = [this.node.address];
      return;
    }
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
      signal.throwIfAborted();
      if (this.cni.current() === null) {
        this.event(
          'Warning',
          'NetworkNotReady',
          'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
        );
      }
      const network = await this.cni.network(signal);
      try {
        this.sandbox = await createSandbox(this.node, this.pod, network);
        this.podIps = this.sandbox.podIps;
        return;
      } catch (error) {
        this.event('Warning', 'FailedCreatePodSandBox', messageOf(error));
      }
      await delay(waitMs, undefined, { signal });
    }
  }

  private async setUpIpc(): Promise<void> {
    if (!this.pod.spec?.hostIPC) this.ipc = await createPodIpc(this.node, this.uid);
  }

  private async runContainers(): Promise<void> {
    const ended = new Promise<'ended'>((resolve) => {
      if (this.termination.requested) resolve('ended');
      this.termination.signal.addEventListener('abort', () => resolve('ended'), { once: true });
    });
    for (const { name } of this.pod.spec?.initContainers ?? []) {
      const loop = this.loops.get(name);
      if (loop === undefined || this.termination.requested) return;
      loop.begin();
      if (loop.record.kind === 'sidecar') {
        await Promise.race([loop.started, ended]);
        continue;
      }
      if ((await Promise.race([loop.finished, ended])) === 'ended') return;
      if (loop.record.state.terminated?.exitCode !== 0) {
        this.outcome = { phase: 'Failed' };
        return;
      }
    }
    if (this.termination.requested) return;
    const apps = [...this.loops.values()].filter(({ record }) => record.kind === 'app');
    for (const loop of apps) {
      loop.begin();
      if ((await Promise.race([loop.attempted, ended])) === 'ended') return;
    }
    if ((await Promise.race([Promise.all(apps.map(({ finished }) => finished)), ended])) === 'ended') return;
    this.outcome ??= this.outcomeOfContainers();
  }

  /** Sidecars end last, in the reverse of the order in which they began (KEP-753). */
  private async stopContainers(): Promise<void> {
    const running = [...this.loops.values()].filter(({ begun }) => begun);
    const first = running.filter(({ record }) => record.kind !== 'sidecar');
    const sidecars = running.filter(({ record }) => record.kind === 'sidecar').toReversed();
    const stopped: Promise<void>[] = first.map((loop) => loop.stop(this.termination, Promise.resolve()));
    for (const loop of sidecars) stopped.push(loop.stop(this.termination, Promise.all([...stopped])));
    await Promise.all(stopped);
  }

  private async tearDown(): Promise<void> {
    this.networkReady = false;
    this.status.publish();
    for (let waitMs = 500; this.sandbox !== null; waitMs = Math.min(waitMs * 2, 10_000)) {
      try {
        await this.sandbox.remove();
        this.sandbox = null;
      } catch (error) {
        this.event('Warning', 'FailedKillPod', `error killing pod: failed to remove its network: ${messageOf(error)}`);
        // A node that goes takes its pods' networks with it.
        if (this.nodeGoes) break;
        await delay(waitMs);
      }
    }
    await Promise.all([this.volumes.tearDown(), this.ipc?.remove()]);
    await removePodCgroup(podCgroup(this.context.cgroupRoot, this.node.name, this.uid));
  }

  /** The last word to the API: the final status stands until somebody deletes the pod, and then the object goes. */
  private async finish(): Promise<void> {
    await this.status.flush();
    if (this.pod.metadata?.deletionTimestamp === undefined && !this.removal.signal.aborted) {
      await new Promise((resolve) => this.removal.signal.addEventListener('abort', resolve, { once: true }));
    }
    const { namespace, name } = this.pod.metadata ?? {};
    await rm(nodePath(this.node, `/var/log/pods/${namespace}_${name}_${this.uid}`), { recursive: true, force: true });
    await this.removeObject();
    this.context.events.forget(this.uid);
  }

  private async removeObject(): Promise<void> {
    for (let waitMs = 100; !this.gone; waitMs = Math.min(waitMs * 2, 10_000)) {
      try {
        const body = { gracePeriodSeconds: 0, preconditions: { uid: this.uid } };
        await this.context.kube.json('DELETE', this.path, { body });
        return;
      } catch (error) {
        if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
        this.log(`object not removed: ${messageOf(error)}`);
        await delay(waitMs);
      }
    }
  }

  private followObject(): void {
    const { deletionTimestamp, deletionGracePeriodSeconds } = this.pod.metadata ?? {};
    if (deletionTimestamp === undefined) return;
    this.termination.request(deletionGracePeriodSeconds ?? this.graceSeconds);
    this.removal.abort();
  }

  private watchDeadline(): void {
    clearTimeout(this.deadline);
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || this.termination.requested) return;
    const remainingMs = this.startTime.getTime() + seconds * 1000 - Date.now();
    this.deadline = setTimeout(
      () => {
        if (remainingMs > longestTimerMs) return this.watchDeadline();
        const message = 'Pod was active on the node longer than the specified deadline';
        this.outcome = { phase: 'Failed', reason: 'DeadlineExceeded', message };
        this.event('Normal', 'DeadlineExceeded', message);
        this.termination.request(this.graceSeconds);
      },
      Math.min(Math.max(0, remainingMs), longestTimerMs),
    );
  }

  private outcomeOfContainers(): PodOutcome {
    const failed = [...this.loops.values()].some(
      ({ record }) => record.kind === 'app' && record.state.terminated?.exitCode !== 0,
    );
    return { phase: failed ? 'Failed' : 'Succeeded' };
  }

  private makeLoops(): void {
    const add = (container: V1Container, kind: ContainerKind, fieldPath: string): void => {
      const loop = new ContainerLoop(container, kind, {
        node: this.node,
        pod: () => this.pod,
        podIp: () => this.podIps[0] ?? '',
        etc: () => etcFiles(this.pod, { nodeName: this.node.name, podIp: this.podIps[0] ?? '' }),
        findImage: (reference) => findImage(this.context.images, reference),
        plan: (spec, image, id) =>
          planContainer(this.pod, spec, image, {
            ...this.context,
            volumes: this.volumes,
            facts: this.facts(),
            nodeName: this.node.name,
            networkNamespace: this.sandbox?.netns ?? null,
            ipc: this.ipc,
            cgroupsPath: `${podCgroup(this.context.cgroupRoot, this.node.name, this.uid)}/${id}`,
          }),
        event: (type, reason, message) => this.event(type, reason, message, fieldPath),
        changed: () => this.status.publish(),
      });
      if (kind === 'app' && (this.pod.spec?.initContainers ?? []).length > 0)
        loop.record.state = waiting('PodInitializing');
      this.loops.set(container.name, loop);
    };
    for (const container of this.pod.spec?.initContainers ?? []) {
      add(
        container,
        container.restartPolicy === 'Always' ? 'sidecar' : 'init',
        `spec.initContainers{${container.name}}`,
      );
    }
    for (const container of this.pod.spec?.containers ?? [])
      add(container, 'app', `spec.containers{${container.name}}`);
  }

  private computeStatus(): PodStatusPatch {
    const status = podStatus({
      pod: this.pod,
      records: this.records,
      podIps: this.podIps,
      networkReady: this.networkReady,
      hostIp: this.node.address,
      startTime: this.startTime,
      outcome: this.outcome,
      previous: this.conditions,
      now: new Date(),
    });
    this.conditions = status.conditions ?? [];
    return status;
  }

  private get records(): readonly ContainerRecord[] {
    return [...this.loops.values()].map(({ record }) => record);
  }

  private facts(): PodFacts {
    return { podIps: this.podIps, hostIp: this.node.address };
  }

  private get graceSeconds(): number {
    return this.pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  }

  private get path(): string {
    return `/api/v1/namespaces/${this.pod.metadata?.namespace}/pods/${this.pod.metadata?.name}`;
  }

  private event(type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const { namespace = '', name = '' } = this.pod.metadata ?? {};
    const object = { kind: 'Pod' as const, namespace, name, uid: this.uid };
    this.context.events.record({ object, node: this.node.name, fieldPath, type, reason, message });
  }

  private log(line: string): void {
    this.context.log(`${this.pod.metadata?.namespace}/${this.pod.metadata?.name}: ${line}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

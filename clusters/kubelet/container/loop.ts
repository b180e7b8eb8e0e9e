import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { V1Container, V1ContainerStateTerminated, V1Pod } from '@kubernetes/client-node';
import type { Image } from '../../images/images.ts';
import { backOff } from '../back-off.ts';
import { LogWriter } from '../log/writer.ts';
import { longDelay } from '../long-delay.ts';
import { nodePath, type RuntimeNode } from '../node/runtime-node.ts';
import { type ContainerKind, type ContainerRecord, waiting } from '../pod/status.ts';
import { Termination } from '../pod/termination.ts';
import { type ProbeTarget, probeOnce, runHook } from '../probe/container-probe.ts';
import { probeContainer } from '../probe/probing.ts';
import { type Container, type ContainerEnd, startContainer } from './container.ts';
import { pullImage } from './image-pull.ts';
import type { ContainerPlan } from './oci-spec.ts';
import type { EtcFiles } from './rootfs.ts';
import { terminationMessage } from './termination-message.ts';

/** What a container's loop needs of its pod. */
export type ContainerLoopContext = {
  node: RuntimeNode;
  pod: () => V1Pod;
  podIp: () => string;
  etc: () => EtcFiles;
  findImage: (reference: string) => Image | null;
  /** @throws LabError LAB_CONTAINER_CONFIG */
  plan: (container: V1Container, image: Image, id: string) => Promise<ContainerPlan>;
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  /** The record has changed. */
  changed: () => void;
};

/** Kubelet gives every container this long after SIGTERM, however short the grace period. */
const minimumGraceMs = 2000;
const retryConfigSeconds = 10;

/** One container of a pod: runs it, probes it, and runs it again as the pod's restart policy says. */
export class ContainerLoop {
  readonly record: ContainerRecord;
  /** Resolves when it runs no more and will not be started again, with how its last run ended. */
  readonly finished: Promise<number | null>;
  /** Resolves when it has started for the first time, its startup probe included. */
  readonly started: Promise<void>;
  /** Resolves when its first start has succeeded, its hook included, or failed: kubelet starts the next container then. */
  readonly attempted: Promise<void>;
  /** Logs of the current or last run, and of the one before. */
  log: LogWriter | null = null;
  previousLog: LogWriter | null = null;
  private spec: V1Container;
  /** Its image has changed since it was started: it is started anew, whatever the restart policy says. */
  private redefined = false;
  private readonly context: ContainerLoopContext;
  private readonly stopping = new AbortController();
  private readonly restartBackOff = backOff();
  private readonly pullBackOff = backOff();
  /** Whether {@link begin} was called. */
  begun = false;
  private current: Container | null = null;
  private starting: Promise<unknown> = Promise.resolve();
  private preStopDone: string | null = null;
  private resolveFinished: (exitCode: number | null) => void = () => undefined;
  private resolveStarted: () => void = () => undefined;
  private resolveAttempted: () => void = () => undefined;

  constructor(spec: V1Container, kind: ContainerKind, context: ContainerLoopContext) {
    this.spec = spec;
    this.context = context;
    this.record = {
      name: spec.name,
      kind,
      image: spec.image ?? '',
      imageId: `lab://${spec.image}`,
      state: waiting('ContainerCreating'),
      lastState: {},
      restartCount: 0,
      containerId: null,
      started: false,
      ready: false,
    };
    this.finished = new Promise((resolve) => {
      this.resolveFinished = resolve;
    });
    this.started = new Promise((resolve) => {
      this.resolveStarted = resolve;
    });
    this.attempted = new Promise((resolve) => {
      this.resolveAttempted = resolve;
    });
  }

  /** The running container's id, null where none runs. */
  get runningId(): string | null {
    return this.current?.id ?? null;
  }

  /** The pod's object has changed. Of a container that runs only the image can. */
  follow(spec: V1Container): void {
    if (spec.image === this.spec.image) return;
    this.spec = spec;
    this.record.image = spec.image ?? '';
    this.record.imageId = `lab://${spec.image}`;
    if (this.current === null || this.stopping.signal.aborted) return;
    this.redefined = true;
    this.context.event('Normal', 'Killing', `Container ${spec.name} definition changed, will be restarted`);
    void this.kill(this.current, this.context.pod().spec?.terminationGracePeriodSeconds ?? 30);
  }

  /** Starts it; all that follows shows in the record. */
  begin(): void {
    this.begun = true;
    this.set(waiting('ContainerCreating'));
    void this.loop().then(this.resolveFinished, (error: Error) => {
      this.set(waiting('RunContainerError', error.message));
      this.context.event('Warning', 'Failed', `Error: ${error.message}`);
      this.resolveFinished(null);
    });
  }

  /**
   * Ends it within the grace period: the preStop hook, its turn among the pod's containers, SIGTERM, and SIGKILL when
   * the time is over. It is not started again.
   */
  async stop(grace: Termination, turn: Promise<unknown>): Promise<void> {
    this.stopping.abort();
    await this.starting;
    if (this.current !== null) {
      this.context.event('Normal', 'Killing', `Stopping container ${this.spec.name}`);
      await this.terminate(this.current, grace, turn);
    }
    await this.finished;
  }

  private async loop(): Promise<number | null> {
    let exitCode: number | null = null;
    while (!this.stopping.signal.aborted) {
      const attempt = this.start();
      this.starting = attempt.catch(() => undefined);
      const started = await attempt;
      if (started === null) break;
      exitCode = started instanceof Object ? await this.watch(started) : started;
      const sinceMs = Date.now();
      if (this.stopping.signal.aborted || !this.restarts(exitCode)) break;
      await this.backOffFrom(sinceMs);
    }
    return exitCode;
  }

  /** Gets a container to run. Returns an exit code when it could not be started, null when it is to be stopped first. */
  private async start(): Promise<Container | number | null> {
    for (;;) {
      const image = await this.pull();
      if (image === null) return null;
      const id = randomBytes(32).toString('hex');
      const plan = await this.context.plan(this.spec, image, id).catch((error: Error) => error);
      if (plan instanceof Error) {
        this.set(waiting('CreateContainerConfigError', plan.message));
        this.context.event('Warning', 'Failed', `Error: ${plan.message}`);
        await this.pause(retryConfigSeconds);
        if (this.stopping.signal.aborted) return null;
        continue;
      }
      return this.run(id, plan);
    }
  }

  private async run(id: string, plan: ContainerPlan): Promise<Container | number> {
    this.redefined = false;
    const restartCount = this.record.containerId === null ? 0 : this.record.restartCount + 1;
    if (restartCount > 0) this.restartBackOff.next(Date.now());
    const log = await this.nextLog(restartCount);
    try {
      const container = await startContainer(this.context.node, plan, {
        id,
        etc: this.context.etc(),
        log,
        terminationMessagePath: this.spec.terminationMessagePath ?? '/dev/termination-log',
      });
      this.current = container;
      this.record.containerId = id;
      this.record.restartCount = restartCount;
      this.context.event('Normal', 'Created', `Created container: ${this.spec.name}`);
      this.context.event('Normal', 'Started', `Started container ${this.spec.name}`);
      this.set({ running: { startedAt: container.startedAt } });
      return container;
    } catch (error) {
      const why = String(error instanceof Error ? error.message : error)
        .replace(/^runc run failed/, 'runc create failed')
        // Of newer ones; kind's node has an older.
        .replace('error during container init: ', '');
      // containerd's words around runc's: it makes and starts a container in two steps.
      const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: ${why}: unknown`;
      this.context.event('Normal', 'Created', `Created container: ${this.spec.name}`);
      this.record.containerId = id;
      this.record.restartCount = restartCount;
      const now = new Date();
      const state = { reason: 'StartError', exitCode: 128, message, startedAt: new Date(0), finishedAt: now };
      this.set({ terminated: { ...state, containerID: `lab://${id}` } });
      this.context.event('Warning', 'Failed', `Error: ${message}`);
      return 128;
    }
  }

  /** From start to end of one run: hooks, probes, exit code. */
  private async watch(container: Container): Promise<number> {
    const running = new AbortController();
    const over = container.ended.then((end) => {
      running.abort();
      return end;
    });
    const hook = this.spec.lifecycle?.postStart;
    if (hook !== undefined) {
      const failure = await Promise.race([runHook(this.target(container), hook), over.then(() => null)]);
      if (failure !== null) return await this.failPostStart(container, over, failure);
    }
    this.resolveAttempted();
    const probing = probeContainer(
      this.spec,
      (probe) => probeOnce(this.target(container), probe),
      {
        onStarted: () => {
          if (running.signal.aborted) return;
          this.record.started = true;
          this.resolveStarted();
          this.context.changed();
        },
        onReady: (ready) => {
          if (running.signal.aborted || this.record.kind === 'init') return;
          this.record.ready = ready;
          this.context.changed();
        },
        onFailedProbe: (kind, message, errored) => {
          const what = errored ? 'errored and resulted in unknown state' : 'failed';
          this.context.event('Warning', 'Unhealthy', `${kind} probe ${what}: ${message}`);
        },
        onUnhealthy: (kind, probe) => {
          const what = `Container ${this.spec.name} failed ${kind.toLowerCase()} probe, will be restarted`;
          this.context.event('Normal', 'Killing', what);
          const seconds = probe.terminationGracePeriodSeconds ?? this.context.pod().spec?.terminationGracePeriodSeconds;
          void this.kill(container, seconds ?? 30);
        },
      },
      { running: running.signal, stopping: this.stopping.signal, startedAtMs: container.startedAt.getTime() },
    );
    const end = await over;
    await probing;
    this.current = null;
    await this.recordEnd(container, end);
    return end.exitCode;
  }

  /** A container whose hook failed is killed before anything probes it. What the hook said may be secret: no event has it. */
  private async failPostStart(container: Container, over: Promise<ContainerEnd>, failure: string): Promise<number> {
    this.context.event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    this.context.event('Normal', 'Killing', 'FailedPostStartHook');
    await this.kill(container, this.context.pod().spec?.terminationGracePeriodSeconds ?? 30);
    const end = await over;
    this.current = null;
    await this.recordEnd(container, end);
    if (this.restarts(end.exitCode)) this.set(waiting('PostStartHookError', failure));
    return end.exitCode;
  }

  private async recordEnd(container: Container, end: ContainerEnd): Promise<void> {
    const { exitCode, oomKilled, finishedAt } = end;
    const message = await terminationMessage(end, this.spec, this.log?.path);
    const terminated: V1ContainerStateTerminated = {
      exitCode,
      reason: oomKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
      startedAt: container.startedAt,
      finishedAt,
      containerID: `lab://${container.id}`,
      ...(message === '' ? {} : { message }),
    };
    this.set({ terminated });
  }

  private restarts(exitCode: number): boolean {
    if (this.record.kind === 'sidecar' || this.redefined) return true;
    const policy = this.context.pod().spec?.restartPolicy ?? 'Always';
    if (this.record.kind === 'init') return exitCode !== 0 && policy !== 'Never';
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  }

  private async backOffFrom(sinceMs: number): Promise<void> {
    const seconds = this.restartBackOff.remainingSeconds(Date.now(), sinceMs);
    if (seconds <= 0) return;
    const pod = this.podName;
    const failed = `restarting failed container=${this.spec.name} pod=${pod}`;
    this.set(waiting('CrashLoopBackOff', `back-off ${duration(Math.round(seconds))} ${failed}`));
    this.context.event('Warning', 'BackOff', `Back-off restarting failed container ${this.spec.name} in pod ${pod}`);
    await this.pause(seconds);
  }

  /** The image, as soon as there is one: null when the container is to be stopped first. */
  private pull(): Promise<Image | null> {
    return pullImage({
      spec: () => this.spec,
      findImage: this.context.findImage,
      backOff: this.pullBackOff,
      event: this.context.event,
      set: (state) => this.set(state),
      pause: (seconds) => this.pause(seconds),
      signal: this.stopping.signal,
    });
  }

  private async kill(container: Container, graceSeconds: number): Promise<void> {
    const grace = new Termination();
    grace.request(graceSeconds);
    await this.terminate(container, grace, Promise.resolve());
  }

  private async terminate(container: Container, grace: Termination, turn: Promise<unknown>): Promise<void> {
    const hook = this.spec.lifecycle?.preStop;
    if (hook !== undefined && grace.remainingMs > 0 && this.preStopDone !== container.id) {
      this.preStopDone = container.id;
      const run = runHook(this.target(container), hook).then((failure) => {
        if (failure !== null) this.context.event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
      });
      await grace.within(Promise.race([run, container.ended]));
    }
    await grace.within(Promise.race([turn, container.ended]));
    container.signal('SIGTERM');
    const sentMs = Date.now();
    if (await grace.within(container.ended)) return;
    const rest = new Termination();
    rest.request(Math.max(0, minimumGraceMs - (Date.now() - sentMs)) / 1000);
    if (await rest.within(container.ended)) return;
    container.signal('SIGKILL');
    await container.ended;
  }

  private target(container: Container): ProbeTarget {
    return { node: this.context.node, container, spec: this.spec, pod: this.podName, podIp: this.context.podIp() };
  }

  /** The pod as kubelet's messages name it. */
  private get podName(): string {
    const { name = '', namespace = '', uid = '' } = this.context.pod().metadata ?? {};
    return `${name}_${namespace}(${uid})`;
  }

  private async nextLog(restartCount: number): Promise<LogWriter> {
    const { namespace, name, uid } = this.context.pod().metadata ?? {};
    const path = `/var/log/pods/${namespace}_${name}_${uid}/${this.spec.name}/${restartCount}.log`;
    const log = await LogWriter.create(nodePath(this.context.node, path));
    if (this.previousLog !== null) await rm(this.previousLog.path, { force: true });
    this.previousLog = this.log;
    this.log = log;
    return log;
  }

  private set(state: ContainerRecord['state']): void {
    const { record } = this;
    if (record.state.terminated !== undefined) record.lastState = { terminated: record.state.terminated };
    record.state = state;
    if (state.running === undefined && state.waiting?.reason !== 'ContainerCreating') this.resolveAttempted();
    if (state.running === undefined) {
      record.started = false;
      record.ready = record.kind === 'init' && state.terminated?.exitCode === 0;
    }
    this.context.changed();
  }

  private async pause(seconds: number): Promise<void> {
    await longDelay(seconds * 1000, this.stopping.signal);
  }
}

/** Go's way of writing seconds: `10s`, `2m40s`. */
function duration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

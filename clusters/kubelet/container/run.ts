import type { V1Container, V1ContainerStateTerminated } from '@kubernetes/client-node';
import { podNameOf } from '../pod/pod-name.ts';
import { graceSecondsOf, Termination } from '../pod/termination.ts';
import { type ProbeTarget, probeOnce } from '../probe/container-probe.ts';
import { runHook } from '../probe/lifecycle-hook.ts';
import { type ProbeEvents, probeContainer } from '../probe/probing.ts';
import type { Container, ContainerEnd } from './container.ts';
import type { ContainerContext } from './context.ts';
import { containerUrl } from './record.ts';
import { terminationMessage } from './termination-message.ts';

/** What a run tells of while it lasts. */
export type RunEvents = {
  /** Its start has succeeded, the postStart hook included. */
  onAttempted(): void;
  /** The startup probe, where there is one, has succeeded. */
  onStarted(): void;
  onReady(ready: boolean): void;
};

/** How a run ended. `hookFailure`: why its postStart hook failed, null where it did not. */
export type RunEnd = { end: ContainerEnd; hookFailure: string | null };

/** Kubelet gives every container this long after SIGTERM, however short the grace period. */
const minimumGraceMs = 2000;

/** One run of a container, while its first process lives: hooks, probes, termination. */
export class ContainerRun {
  readonly container: Container;
  readonly #spec: V1Container;
  readonly #context: ContainerContext;
  readonly #logPath: string;
  #preStopBegun = false;

  constructor(container: Container, spec: V1Container, logPath: string, context: ContainerContext) {
    this.container = container;
    this.#spec = spec;
    this.#logPath = logPath;
    this.#context = context;
  }

  /** Follows the run to its end: its postStart hook first, then its probes. `stopping`: liveness counts no more. */
  async follow(stopping: AbortSignal, events: RunEvents): Promise<RunEnd> {
    const running = new AbortController();
    const over = this.container.ended.then((end) => {
      running.abort();
      return end;
    });
    const hook = this.#spec.lifecycle?.postStart;
    if (hook !== undefined) {
      const hookFailure = await Promise.race([runHook(this.#target, hook), over.then(() => null)]);
      if (hookFailure !== null) return { end: await this.#failPostStart(over), hookFailure };
    }
    events.onAttempted();
    const probing = probeContainer(
      this.#spec,
      (probe) => probeOnce(this.#target, probe),
      this.#probeEvents(running.signal, events),
      { running: running.signal, stopping, startedAtMs: this.container.startedAt.getTime() },
    );
    const end = await over;
    await probing;
    return { end, hookFailure: null };
  }

  /** The state of a container whose run has ended so. */
  async endState(end: ContainerEnd): Promise<V1ContainerStateTerminated> {
    const { exitCode, oomKilled, finishedAt } = end;
    const message = await terminationMessage(end, this.#spec, this.#logPath);
    return {
      exitCode,
      reason: oomKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
      startedAt: this.container.startedAt,
      finishedAt,
      containerID: containerUrl(this.container.id),
      ...(message === '' ? {} : { message }),
    };
  }

  /** Ends it in a grace period of its own, with no other container to wait for. */
  async kill(graceSeconds: number): Promise<void> {
    const grace = new Termination();
    grace.request(graceSeconds);
    await this.terminate(grace, Promise.resolve());
  }

  /** Ends it within the grace period: preStop hook, its turn, SIGTERM, and SIGKILL when the time is over. */
  async terminate(grace: Termination, turn: Promise<unknown>): Promise<void> {
    const { container } = this;
    await this.#preStop(grace);
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

  /** A container whose hook failed is killed before anything probes it. What the hook said may be secret: no event has it. */
  async #failPostStart(over: Promise<ContainerEnd>): Promise<ContainerEnd> {
    this.#context.event('Warning', 'FailedPostStartHook', 'PostStartHook failed');
    this.#context.event('Normal', 'Killing', 'FailedPostStartHook');
    await this.kill(graceSecondsOf(this.#context.pod()));
    return over;
  }

  async #preStop(grace: Termination): Promise<void> {
    const hook = this.#spec.lifecycle?.preStop;
    if (hook === undefined || grace.remainingMs <= 0 || this.#preStopBegun) return;
    this.#preStopBegun = true;
    const run = runHook(this.#target, hook).then((failure) => {
      if (failure !== null) this.#context.event('Warning', 'FailedPreStopHook', 'PreStopHook failed');
    });
    await grace.within(Promise.race([run, this.container.ended]));
  }

  #probeEvents(running: AbortSignal, { onStarted, onReady }: RunEvents): ProbeEvents {
    const { event, pod } = this.#context;
    return {
      onStarted: () => {
        if (!running.aborted) onStarted();
      },
      onReady: (ready) => {
        if (!running.aborted) onReady(ready);
      },
      onFailedProbe(kind, message, errored) {
        const what = errored ? 'errored and resulted in unknown state' : 'failed';
        event('Warning', 'Unhealthy', `${kind} probe ${what}: ${message}`);
      },
      onUnhealthy: (kind, probe) => {
        event(
          'Normal',
          'Killing',
          `Container ${this.#spec.name} failed ${kind.toLowerCase()} probe, will be restarted`,
        );
        void this.kill(probe.terminationGracePeriodSeconds ?? graceSecondsOf(pod()));
      },
    };
  }

  get #target(): ProbeTarget {
    const { node, pod, podIp } = this.#context;
    return { node, container: this.container, spec: this.#spec, pod: podNameOf(pod()), podIp: podIp() };
  }
}

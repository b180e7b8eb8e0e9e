import type { V1Container } from '@kubernetes/client-node';
import { backOff, restartDelays } from '../back-off.ts';
import { RunLogs } from '../log/run-logs.ts';
import { longDelay } from '../long-delay.ts';
import { podNameOf } from '../pod/pod-name.ts';
import { graceSecondsOf, type Termination } from '../pod/termination.ts';
import type { ContainerContext } from './context.ts';
import { type ContainerKind, type ContainerRecord, enterState, imageOf, newRecord, waiting } from './record.ts';
import { restarts } from './restart-policy.ts';
import type { ContainerRun } from './run.ts';
import { startRun } from './run-start.ts';

/** One container of a pod: runs it, and runs it again as the pod's restart policy says. */
export class ContainerLoop {
  readonly record: ContainerRecord;
  readonly logs: RunLogs;
  /** Whether {@link begin} was called. */
  begun = false;
  #spec: V1Container;
  /** Its image has changed since it was started: it is started anew, whatever the restart policy says. */
  #redefined = false;
  readonly #context: ContainerContext;
  readonly #stopping = new AbortController();
  readonly #restartBackOff = backOff(restartDelays);
  readonly #pullBackOff = backOff(restartDelays);
  readonly #finished = Promise.withResolvers<number | null>();
  readonly #started = Promise.withResolvers<void>();
  readonly #attempted = Promise.withResolvers<void>();
  #run: ContainerRun | null = null;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(spec: V1Container, kind: ContainerKind, context: ContainerContext) {
    this.#spec = spec;
    this.#context = context;
    this.record = newRecord(spec, kind);
    this.logs = new RunLogs(context.node, context.pod(), spec.name);
  }

  /** Resolves when it runs no more and will not be started again, with how its last run ended. */
  get finished(): Promise<number | null> {
    return this.#finished.promise;
  }

  /** Resolves when it has started for the first time, its startup probe included. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Resolves when its first start has succeeded, its hook included, or failed: kubelet starts the next container then. */
  get attempted(): Promise<void> {
    return this.#attempted.promise;
  }

  /** The running container's id, null where none runs. */
  get runningId(): string | null {
    return this.#run?.container.id ?? null;
  }

  /** The pod's object has changed. Of a container that runs only the image can. */
  follow(spec: V1Container): void {
    if (spec.image === this.#spec.image) return;
    this.#spec = spec;
    Object.assign(this.record, imageOf(spec));
    if (this.#run === null || this.#stopping.signal.aborted) return;
    this.#redefined = true;
    this.#context.event('Normal', 'Killing', `Container ${spec.name} definition changed, will be restarted`);
    void this.#run.kill(graceSecondsOf(this.#context.pod()));
  }

  /** Starts it; all that follows shows in the record. */
  begin(): void {
    this.begun = true;
    this.#set(waiting('ContainerCreating'));
    void this.#loop().then(this.#finished.resolve, (error: Error) => {
      this.#set(waiting('RunContainerError', error.message));
      this.#context.event('Warning', 'Failed', `Error: ${error.message}`);
      this.#finished.resolve(null);
    });
  }

  /** Ends it within the grace period, when its turn among the pod's containers has come. It is not started again. */
  async stop(grace: Termination, turn: Promise<unknown>): Promise<void> {
    this.#stopping.abort();
    await this.#starting;
    if (this.#run !== null) {
      this.#context.event('Normal', 'Killing', `Stopping container ${this.#spec.name}`);
      await this.#run.terminate(grace, turn);
    }
    await this.finished;
  }

  async #loop(): Promise<number | null> {
    let exitCode: number | null = null;
    while (!this.#stopping.signal.aborted) {
      this.#redefined = false;
      const start = this.#start();
      this.#starting = start.catch(() => undefined);
      const started = await start;
      if (started === null) break;
      exitCode = typeof started === 'number' ? started : await this.#follow(started);
      const endedMs = Date.now();
      if (this.#stopping.signal.aborted || !this.#restarts(exitCode)) break;
      await this.#backOffFrom(endedMs);
    }
    return exitCode;
  }

  /** Gets a container to run. Returns an exit code when it could not be started, null when it is to be stopped first. */
  async #start(): Promise<ContainerRun | number | null> {
    const started = await startRun({
      spec: () => this.#spec,
      record: this.record,
      logs: this.logs,
      container: this.#context,
      pullBackOff: this.#pullBackOff,
      set: (state) => this.#set(state),
      onRun: (run) => {
        this.#run = run;
      },
      stopping: this.#stopping.signal,
    });
    if (started !== null && this.record.restartCount > 0) this.#restartBackOff.next(Date.now());
    return started;
  }

  /** From start to end of one run. @returns its exit code */
  async #follow(run: ContainerRun): Promise<number> {
    const { record } = this;
    const { end, hookFailure } = await run.follow(this.#stopping.signal, {
      onAttempted: this.#attempted.resolve,
      onStarted: () => {
        record.started = true;
        this.#started.resolve();
        this.#context.changed();
      },
      onReady: (ready) => {
        if (record.kind === 'init') return;
        record.ready = ready;
        this.#context.changed();
      },
    });
    this.#run = null;
    this.#set({ terminated: await run.endState(end) });
    if (hookFailure !== null && this.#restarts(end.exitCode)) this.#set(waiting('PostStartHookError', hookFailure));
    return end.exitCode;
  }

  #restarts(exitCode: number): boolean {
    return this.#redefined || restarts(this.#context.pod(), this.record.kind, exitCode);
  }

  async #backOffFrom(endedMs: number): Promise<void> {
    const seconds = this.#restartBackOff.remainingSeconds(Date.now(), endedMs);
    if (seconds <= 0) return;
    const { name } = this.#spec;
    const pod = podNameOf(this.#context.pod());
    const message = `back-off ${goDuration(Math.round(seconds))} restarting failed container=${name} pod=${pod}`;
    this.#set(waiting('CrashLoopBackOff', message));
    this.#context.event('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${pod}`);
    await longDelay(seconds * 1000, this.#stopping.signal);
  }

  #set(state: ContainerRecord['state']): void {
    enterState(this.record, state);
    if (state.running === undefined && state.waiting?.reason !== 'ContainerCreating') this.#attempted.resolve();
    this.#context.changed();
  }
}

/** Go's way of writing seconds: `10s`, `2m40s`. */
function goDuration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

import type { V1Pod } from '@kubernetes/client-node';
import { longestTimerMs } from '../long-delay.ts';

/** A request to end something within a grace period, which later requests can only shorten. */
export class Termination {
  readonly #controller = new AbortController();
  readonly #waiting = new Set<() => void>();
  #deadlineMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Aborts at the first request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get requested(): boolean {
    return this.signal.aborted;
  }

  request(graceSeconds: number): void {
    const deadlineMs = Date.now() + graceSeconds * 1000;
    if (deadlineMs < this.#deadlineMs) {
      this.#deadlineMs = deadlineMs;
      clearTimeout(this.#timer);
      if (this.#waiting.size > 0) this.#arm();
    }
    this.#controller.abort();
  }

  /** Milliseconds of grace left; infinite before the first request. */
  get remainingMs(): number {
    return Math.max(0, this.#deadlineMs - Date.now());
  }

  /** Resolves true when `what` has, or false when the grace period is over first. */
  async within(what: Promise<unknown>): Promise<boolean> {
    let expire: (() => void) | undefined;
    const expired = new Promise<false>((resolve) => {
      expire = () => resolve(false);
      this.#waiting.add(expire);
      this.#arm();
    });
    try {
      return await Promise.race([what.then(() => true), expired]);
    } finally {
      if (expire !== undefined) this.#waiting.delete(expire);
      if (this.#waiting.size === 0) clearTimeout(this.#timer);
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        if (this.remainingMs > 0) this.#arm();
        else for (const expire of this.#waiting) expire();
      },
      Math.min(this.remainingMs, longestTimerMs),
    );
  }
}

/** The grace period that a pod asks for, in seconds. */
export function graceSecondsOf(pod: V1Pod): number {
  return pod.spec?.terminationGracePeriodSeconds ?? defaultGraceSeconds;
}

const defaultGraceSeconds = 30;

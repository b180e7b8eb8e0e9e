import { longestTimerMs } from '../long-delay.ts';

/** The end of the time for which a pod may be active (`activeDeadlineSeconds`), which its object may set and move. */
export class PodDeadline {
  readonly #startMs: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(startTime: Date, onOver: () => void) {
    this.#startMs = startTime.getTime();
    this.#onOver = onOver;
  }

  /** Sets or moves it: seconds from the pod's start. Without a number there is none. */
  set(seconds: number | undefined): void {
    this.clear();
    if (seconds === undefined) return;
    const remainingMs = Math.max(0, this.#startMs + seconds * 1000 - Date.now());
    this.#timer = setTimeout(
      () => (remainingMs > longestTimerMs ? this.set(seconds) : this.#onOver()),
      Math.min(remainingMs, longestTimerMs),
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

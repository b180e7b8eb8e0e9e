/** How long to wait between attempts: each time twice as long as the last, up to the longest. */
export type Delays = {
  firstSeconds: number;
  longestSeconds: number;
  /** After more than this without an attempt the first delay comes again; left out, it never does. */
  forgottenAfterSeconds?: number;
};

/** Kubelet's delays between restarts of a container, and between pulls of an image (k8s.io/client-go/util/flowcontrol). */
export const restartDelays: Delays = { firstSeconds: 10, longestSeconds: 300, forgottenAfterSeconds: 600 };

/** The delays between the attempts at one thing. The first attempt is immediate. */
export type BackOff = {
  /** Seconds still to wait before the next attempt, counted from `since` (the end of the last one); 0 at first. */
  remainingSeconds(nowMs: number, sinceMs: number): number;
  /** Notes that an attempt begins: the next wait is longer. */
  next(nowMs: number): void;
};

export function backOff({ firstSeconds, longestSeconds, forgottenAfterSeconds = Infinity }: Delays): BackOff {
  let delaySeconds = 0;
  let updatedMs = 0;
  const expired = (atMs: number): boolean => atMs - updatedMs > forgottenAfterSeconds * 1000;
  return {
    remainingSeconds(nowMs, sinceMs) {
      if (delaySeconds === 0 || expired(sinceMs)) return 0;
      return Math.max(0, delaySeconds - (nowMs - sinceMs) / 1000);
    },
    next(nowMs) {
      delaySeconds = delaySeconds === 0 || expired(nowMs) ? firstSeconds : Math.min(delaySeconds * 2, longestSeconds);
      updatedMs = nowMs;
    },
  };
}

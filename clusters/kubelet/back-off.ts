/** Delays that double from one failure to the next, and start anew after a long quiet time. */
export type BackOff = {
  /** Seconds still to wait before the next attempt, counted from `since` (the end of the last one); 0 at first. */
  remainingSeconds(nowMs: number, sinceMs: number): number;
  /** Notes that an attempt begins: the next wait is longer. */
  next(nowMs: number): void;
};

/**
 * Kubelet's back-off: the first restart is immediate, then 10 s doubling to 300 s; forgotten when twice the longest
 * delay has passed without a failure (k8s.io/client-go/util/flowcontrol).
 */
export function backOff(initialSeconds = 10, maximumSeconds = 300): BackOff {
  let delaySeconds = 0;
  let updatedMs = 0;
  const expired = (atMs: number): boolean => atMs - updatedMs > 2 * maximumSeconds * 1000;
  return {
    remainingSeconds(nowMs, sinceMs) {
      if (delaySeconds === 0 || expired(sinceMs)) return 0;
      return Math.max(0, delaySeconds - (nowMs - sinceMs) / 1000);
    },
    next(nowMs) {
      delaySeconds = delaySeconds === 0 || expired(nowMs) ? initialSeconds : Math.min(delaySeconds * 2, maximumSeconds);
      updatedMs = nowMs;
    },
  };
}

/** What consecutive results make of a probe: a verdict only when a threshold is reached, null before. */
export type ProbeCounter = { observe(success: boolean): 'success' | 'failure' | null };

/** Counts equal results in a row against a probe's thresholds, as kubelet does. */
export function probeCounter({
  successThreshold = 1,
  failureThreshold = 3,
}: {
  successThreshold?: number | undefined;
  failureThreshold?: number | undefined;
}): ProbeCounter {
  let last: boolean | null = null;
  let run = 0;
  return {
    observe(success) {
      run = success === last ? run + 1 : 1;
      last = success;
      if (run < (success ? successThreshold : failureThreshold)) return null;
      return success ? 'success' : 'failure';
    },
  };
}

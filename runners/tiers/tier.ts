import type { Writable } from 'node:stream';

/**
 * A part of the test suite: `static` inspections, `unit` tests, `go` modules, `bpf` tests, which load programs into the kernel
 * and so need root on Linux, as `e2e` tests do, which start clusters, and `kind` tests, whose cluster is one of kind's.
 */
export const tierNames = ['static', 'unit', 'go', 'bpf', 'e2e', 'kind'] as const;
export type TierName = (typeof tierNames)[number];

/** How long a test took. `file`: its path, or what stands for one where a test is no file's. */
export type TestDuration = { file: string; name: string; seconds: number };

/** How many tests ended how. `skipReasons` has one line for each skipped one, or one for them all. */
export type TierResult = {
  passed: number;
  failed: number;
  skipped: number;
  skipReasons: readonly string[];
  durations: readonly TestDuration[];
};

export type TierContext = {
  /** Test files to run; null for all of the tier. */
  files: readonly string[] | null;
  /** Whether what is missing may be installed, because nothing may be skipped. */
  requireAll: boolean;
  stdout: Writable;
  signal: AbortSignal;
  progress: (message: string) => void;
};

export type Tier = (context: TierContext) => Promise<TierResult>;

/** A tier that this host cannot run, as a result. */
export function skippedTier(reason: string): TierResult {
  return { passed: 0, failed: 0, skipped: 1, skipReasons: [reason], durations: [] };
}

export function sum(results: readonly TierResult[]): TierResult {
  return {
    passed: results.reduce((total, { passed }) => total + passed, 0),
    failed: results.reduce((total, { failed }) => total + failed, 0),
    skipped: results.reduce((total, { skipped }) => total + skipped, 0),
    skipReasons: results.flatMap(({ skipReasons }) => skipReasons),
    durations: results.flatMap(({ durations }) => durations),
  };
}

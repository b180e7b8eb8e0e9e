import type { Writable } from 'node:stream';

/** What a check runs with: how often it repeats its subject, and where its lines go. */
export type CheckInput = {
  /** How many times; null leaves it to the check. */
  count: number | null;
  /** Findings are printed as JSON, by the checks that have any. */
  json: boolean;
  /** What a check holds against is recorded anew, where it is in a file. */
  renew: boolean;
  signal: AbortSignal;
  progress: (message: string) => void;
  stdout: Writable;
};

/** A claim about the lab itself that anyone can check on his own machine. Resolves to whether it held. */
export type Check = { readonly summary: string; run(input: CheckInput): Promise<boolean> };

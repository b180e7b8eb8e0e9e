/**
 * Process exit codes of `lab`: 0 done, 1 gate failed, 2 usage, 3 environment lacks something,
 * 4 measurement invalid, 5 failed otherwise, 130 interrupted.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 130;

/** What a coded error says: `message` is what happened and why, `remedy` what to do about it. */
export type LabErrorDetails = { message: string; remedy?: string; exitCode?: ExitCode; cause?: unknown };

/**
 * An error that the CLI prints without a stack. `code` is permanent (`LAB_NODE_NOT_READY`): scripts may match it.
 * `exitCode` defaults to 5.
 */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: `LAB_${string}`;
  readonly remedy: string | null;
  readonly exitCode: ExitCode;

  constructor(code: `LAB_${string}`, { message, remedy, exitCode, cause }: LabErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy ?? null;
    this.exitCode = exitCode ?? 5;
  }
}

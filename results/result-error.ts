/** What a coded error says: `message` is what happened and why, `remedy` what to do about it. */
type ResultErrorDetails = {
  message: string;
  remedy: string;
  /** 2: the caller named something that is no run; 5: it failed otherwise. */
  exitCode: 2 | 5;
  cause?: unknown;
  /** The run as JSON text where it could not be stored, so that the caller can put it elsewhere. */
  serialised?: string;
};

/**
 * An error that the CLI prints without a stack. It has the fields of the lab's other coded errors, but not their class:
 * results/ imports nothing of the lab.
 */
export class ResultError extends Error {
  override readonly name = 'ResultError';
  readonly code: `LAB_${string}`;
  readonly remedy: string;
  readonly exitCode: 2 | 5;
  readonly serialised: string | null;

  constructor(code: `LAB_${string}`, { message, remedy, exitCode, cause, serialised }: ResultErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
    this.exitCode = exitCode;
    this.serialised = serialised ?? null;
  }
}

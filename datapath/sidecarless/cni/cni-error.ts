import { LabError } from '../../../clusters/error.ts';

/** Error codes of the CNI specification that the agent gives, and one of its own for what it cannot do. */
export const cniCodes = {
  incompatibleVersion: 1,
  invalidEnvironment: 4,
  notJson: 6,
  invalidConfiguration: 7,
  tryAgainLater: 11,
  failed: 100,
} as const;
type CniCode = (typeof cniCodes)[keyof typeof cniCodes];

/** A failure that the runtime is to be told of with a code of its own. */
export class CniError extends LabError {
  readonly cniCode: CniCode;

  constructor(cniCode: CniCode, message: string, remedy?: string) {
    super('LAB_CNI_REQUEST_FAILED', { message, ...(remedy === undefined ? {} : { remedy }) });
    this.cniCode = cniCode;
  }
}

/** The error object that the plugin prints. */
export function errorAnswer(error: unknown, cniVersion: string): object {
  const { message } = error as Error;
  const code = error instanceof CniError ? error.cniCode : cniCodes.failed;
  const remedy = error instanceof LabError ? error.remedy : null;
  return { cniVersion, code, msg: message, details: remedy ?? '' };
}

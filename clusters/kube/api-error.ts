import { LabError } from '../error.ts';

/** An answer of the API server that is not 2xx. `reason` is Kubernetes' machine-readable word (`NotFound`). */
export class ApiError extends LabError {
  readonly status: number;
  readonly reason: string;

  constructor(what: string, status: number, body: string) {
    const { reason, message } = statusOf(body);
    super('LAB_KUBERNETES_REFUSED', {
      message: `${what}: the API server answered ${status}${message === '' ? '' : `: ${message}`}`,
    });
    this.status = status;
    this.reason = reason;
  }
}

function statusOf(body: string): { reason: string; message: string } {
  try {
    const { reason, message } = JSON.parse(body) as { reason?: string; message?: string };
    return { reason: reason ?? '', message: message ?? body };
  } catch {
    return { reason: '', message: body };
  }
}

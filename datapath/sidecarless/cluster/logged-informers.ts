import type { Kube } from '../../../clusters/kube/kube.ts';
import { log } from '../agent/log.ts';

/** The same connection, whose informers say in the log why they go wrong: at once, and then ever more rarely. */
export function withLoggedInformers(kube: Kube): Kube {
  return {
    ...kube,
    inform: (path, options) =>
      kube.inform(path, {
        onFailure(error, inARow) {
          if (!Number.isInteger(Math.log2(inARow))) return;
          const { message, cause } = error;
          const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
          log('warning', 'the API server’s objects could not be read; trying again', { path, inARow, error: reason });
        },
        ...options,
      }),
  };
}

import type { V1Pod } from '@kubernetes/client-node';
import { ApiError } from '../../kube/api-error.ts';
import type { Kube } from '../../kube/kube.ts';
import { retry } from '../retry.ts';

const removalDelays = { firstSeconds: 0.1, longestSeconds: 10 };

/** Where a pod's object is in the API. */
export function podPath({ metadata = {} }: V1Pod): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
}

/** Removes a pod's object from the API, and tries until it is `gone`. A pod of the same name made since is left alone. */
export async function removePodObject(
  kube: Kube,
  pod: V1Pod,
  { gone, log }: { gone: () => boolean; log: (line: string) => void },
): Promise<void> {
  const body = { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid ?? '' } };
  const remove = async (): Promise<void> => {
    if (gone()) return;
    await kube.json('DELETE', podPath(pod), { body }).catch((error: unknown) => {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 409)) throw error;
    });
  };
  await retry(remove, {
    delays: removalDelays,
    onFailure: ({ message }) => log(`object not removed: ${message}`),
  });
}

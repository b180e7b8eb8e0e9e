import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube/kube.ts';
import type { MeshWatch } from './mesh-watch.ts';
import { meshConfigMap } from './places.ts';

/** What is published, where, and who hears of failures. */
export type PublisherOptions = {
  kube: Pick<Kube, 'apply'>;
  namespace: string;
  /** The authority's root certificate, in PEM, and the address at which the control plane is found. */
  root: string;
  address: string;
  log: (message: string) => void;
  signal: AbortSignal;
};

const retrySeconds = 1;

/**
 * Keeps the ConfigMap by which a namespace's pods find the control plane, whenever there is such a namespace: call it
 * after each change of what is watched.
 */
export function meshPublisher(
  { kube, namespace, root, address, log, signal }: PublisherOptions,
  watch: Pick<MeshWatch, 'configMap' | 'namespace'>,
): () => void {
  const data = { [meshConfigMap.root]: root, [meshConfigMap.control]: address };
  const metadata = { name: meshConfigMap.name, namespace };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as KubernetesObject;
  let busy = false;
  const publish = (): void => {
    const there = watch.configMap(meshConfigMap.name)?.data;
    const isCurrent = Object.entries(data).every(([key, value]) => there?.[key] === value);
    if (busy || isCurrent || watch.namespace() === undefined || signal.aborted) return;
    busy = true;
    kube
      .apply([object], signal)
      .catch((error: Error) => {
        log(error.message);
        setTimeout(publish, retrySeconds * 1000);
      })
      .finally(() => {
        busy = false;
      });
  };
  return publish;
}

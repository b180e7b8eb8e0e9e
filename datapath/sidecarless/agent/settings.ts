import type { V1ConfigMap } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube.ts';

/** The ConfigMap, in the agents' own namespace, that says how they are set. */
export const settingsMap = 'sidecarless';

/** What can be changed while the agents run. */
export type Settings = { readonly shortcut: boolean };

/** Calls back with the settings now and after each change, until the signal aborts. What is not said is on. */
export function watchSettings(
  kube: Kube,
  { namespace, signal, onChange }: { namespace: string; signal: AbortSignal; onChange: (settings: Settings) => void },
): void {
  kube.inform<V1ConfigMap>(`/api/v1/namespaces/${namespace}/configmaps`, {
    signal,
    fieldSelector: `metadata.name=${settingsMap}`,
    onChange: (object, deleted) => onChange({ shortcut: deleted || object.data?.shortcut !== 'off' }),
  });
}

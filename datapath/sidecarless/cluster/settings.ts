import type { V1ConfigMap } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube/kube.ts';

/** The ConfigMap, in the agents' own namespace, that says how they are set. */
export const settingsMap = 'sidecarless';

/** What can be changed while the agents run. */
export type Settings = { readonly shortcut: boolean };

/** Calls back with the settings as soon as they are known and after each change, until the signal aborts. */
export function watchSettings(
  kube: Kube,
  { namespace, signal, onChange }: { namespace: string; signal: AbortSignal; onChange: (settings: Settings) => void },
): void {
  const objects = kube.inform<V1ConfigMap>(`/api/v1/namespaces/${namespace}/configmaps`, {
    signal,
    fieldSelector: `metadata.name=${settingsMap}`,
    onChange: () => tell(),
    onSync: () => tell(),
  });
  // What is not said is on.
  const tell = (): void => onChange({ shortcut: objects.list()[0]?.data?.shortcut !== 'off' });
}

import type { V1Namespace, V1Pod } from '@kubernetes/client-node';

/** Name of a pod's namespace. Whoever has this label is a pod of the cluster. */
export const namespaceLabel = 'io.kubernetes.pod.namespace';

/** Before the keys of the labels of a pod's namespace. */
export const namespaceLabelsPrefix = 'io.cilium.k8s.namespace.labels.';

/** What a cluster is called where nobody has named it; policies written for Cilium may say it. */
const clusterName = 'default';

/** Labels that differ between pods that are meant to be the same: each would need an identity of its own. */
const perInstance = new Set([
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'controller-revision-hash',
  'controller-uid',
  'pod-template-generation',
  'pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
]);

/** Labels of a pod by which policies tell it from others: pods with the same ones share an identity. */
export function podLabels(
  pod: Pick<V1Pod, 'metadata' | 'spec'>,
  namespace: Pick<V1Namespace, 'metadata'>,
): Record<string, string> {
  const own = Object.entries(pod.metadata?.labels ?? {}).filter(([key]) => isIdentityLabel(key) && !isClusters(key));
  const labels: [string, string][] = [
    ...own.map(([key, value]): [string, string] => [`k8s:${key}`, value]),
    ...Object.entries(namespace.metadata?.labels ?? {}).map(([key, value]): [string, string] => [
      `k8s:${namespaceLabelsPrefix}${key}`,
      value,
    ]),
    [`k8s:${namespaceLabel}`, pod.metadata?.namespace ?? namespace.metadata?.name ?? ''],
    ['k8s:io.cilium.k8s.policy.cluster', clusterName],
    ['k8s:io.cilium.k8s.policy.serviceaccount', pod.spec?.serviceAccountName ?? 'default'],
  ];
  return Object.fromEntries(labels.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a pod's label is part of its identity, so that a selector can ask for it. */
export function isIdentityLabel(key: string): boolean {
  return !perInstance.has(key);
}

/** Whether only the cluster may say this of a pod: whoever may label pods could borrow another namespace's rights. */
function isClusters(key: string): boolean {
  return key === namespaceLabel || key.startsWith(namespaceLabelsPrefix) || key.startsWith('io.cilium.k8s.policy.');
}

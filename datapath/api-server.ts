import type { V1EndpointSlice } from '@kubernetes/client-node';
import type { Kube } from '../clusters/kube/kube.ts';

const timeoutSeconds = 60;

/** The API server's own address, as it publishes it behind the `kubernetes` Service soon after its start. */
export async function apiServerAddress(kube: Kube, signal: AbortSignal): Promise<string> {
  const [slice] = await kube.waitFor<V1EndpointSlice>('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    signal,
    timeoutSeconds,
    what: 'the API server to publish its address',
    fieldSelector: 'metadata.name=kubernetes',
    condition: ([published]) => published?.endpoints?.[0]?.addresses[0] !== undefined,
  });
  return `https://${slice?.endpoints?.[0]?.addresses[0]}:${slice?.ports?.[0]?.port}`;
}

/** A kubeconfig for a pod that is to make Services work, and so cannot reach the API by one. */
export function podKubeconfig(server: string, user: string): string {
  const secrets = '/var/run/secrets/kubernetes.io/serviceaccount';
  // JSON is YAML: no library is needed.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': `${secrets}/ca.crt` } }],
    users: [{ name: user, user: { tokenFile: `${secrets}/token` } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user } }],
    'current-context': 'lab',
  });
}

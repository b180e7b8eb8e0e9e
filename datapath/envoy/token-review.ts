import type { V1TokenReview } from '@kubernetes/client-node';
import type { Kube } from '../../clusters/kube/kube.ts';
import { type TokenOwner, tokenAudience } from './certificate-endpoint.ts';

/** Asks the API server whom a service-account token was issued to; null unless it is for us, valid, and of a pod. */
export async function reviewToken(kube: Kube, token: string): Promise<TokenOwner | null> {
  const { status } = await kube.json<V1TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [tokenAudience] },
    },
  });
  if (status?.authenticated !== true || !status.audiences?.includes(tokenAudience)) return null;
  const [, namespace, serviceAccount] =
    /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? '') ?? [];
  const pod = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  const podUid = status.user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  if (namespace === undefined || serviceAccount === undefined || pod === undefined || podUid === undefined) return null;
  return { namespace, serviceAccount, pod, podUid };
}

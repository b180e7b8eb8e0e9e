import type { V1Pod, V1ServiceAccountTokenProjection } from '@kubernetes/client-node';
import type { Kube } from '../../kube/kube.ts';

/** A token and when it is to be asked for anew. */
export type IssuedToken = { token: string; renewAtMs: number };

type TokenRequest = { status: { token: string; expirationTimestamp: string } };

const longestUseSeconds = 24 * 3600;

/** Asks for a token of the pod's service account that is valid as long as the pod exists (TokenRequest API). */
export async function issueToken(
  kube: Kube,
  pod: V1Pod,
  { audience, expirationSeconds = 3600 }: V1ServiceAccountTokenProjection,
  signal: AbortSignal,
): Promise<IssuedToken> {
  const { name, namespace, uid } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? 'default';
  const requestedMs = Date.now();
  const { status } = await kube.json<TokenRequest>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    {
      signal,
      body: {
        spec: {
          ...(audience === undefined ? {} : { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
    },
  );
  const lifetimeSeconds = (Date.parse(status.expirationTimestamp) - requestedMs) / 1000;
  return { token: status.token, renewAtMs: requestedMs + renewAfterSeconds(lifetimeSeconds) * 1000 };
}

/** Kubelet renews a token when 80 % of its life is over, or after a day. */
export function renewAfterSeconds(lifetimeSeconds: number): number {
  return Math.min(lifetimeSeconds * 0.8, longestUseSeconds);
}

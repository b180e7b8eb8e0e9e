/** The trust domain of every identity of the lab. */
export const trustDomain = 'lab.local';

/** A workload's identity: its service account. */
export type Identity = { namespace: string; serviceAccount: string };

/** The SPIFFE ID of a service account, as Istio forms it. */
export function spiffeId({ namespace, serviceAccount }: Identity): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** The URI of a certificate's subject alternative name as Node's TLS shows it; null unless there is exactly one. */
export function peerUri(subjectAltName: string | undefined): string | null {
  const uris = (subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  return uris.length === 1 ? (uris[0]?.slice('URI:'.length) ?? null) : null;
}

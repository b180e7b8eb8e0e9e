import { stringify } from 'yaml';
import type { KeyPair } from './pki.ts';

/** A kubeconfig with one cluster and one user, everything inline, as any kubectl reads it. */
export function kubeconfig(server: string, ca: string, user: KeyPair): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: 'lab',
        user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    'current-context': 'lab',
  });
}

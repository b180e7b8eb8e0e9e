import type { EnvoyJson } from './api.ts';
import type { WorkloadCertificate } from './certificate-client.ts';
import { secretNames } from './tls-context.ts';

/** The secrets of a proxy: its own key with certificate, and whom it trusts. */
export function secretResources({ key, certificate }: WorkloadCertificate, roots: string): EnvoyJson[] {
  return [
    {
      name: secretNames.certificate,
      tls_certificate: { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } },
    },
    { name: secretNames.roots, validation_context: { trusted_ca: { inline_string: roots } } },
  ];
}

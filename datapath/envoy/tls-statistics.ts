import { type Statistics, statistic } from './statistics.ts';

/** The one version that is configured, and the cipher that BoringSSL picks for it where the processor can do AES. */
const [version, cipher] = ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'];

/** Handshakes that an Envoy has made, and how many of them were of the version and the cipher of the experiment. */
export type TlsHandshakes = { all: number | null; ofVersion: number | null; ofCipher: number | null };

/**
 * Handshakes below a scope of statistics, such as `cluster.outbound_workload_8080`. Null where they cannot be told.
 *
 * Those of one version or cipher are the only statistics of ours that Envoy has from their first use on, and not from its
 * configuration on (`ContextImpl::logHandshake`, source/common/tls/context_impl.cc). It counts each handshake under one
 * version and one cipher. So one that is not there is 0 as long as those that are come to all handshakes; else names have changed.
 */
export function tlsHandshakes(statistics: Statistics | null, scope: string): TlsHandshakes {
  const all = statistic(statistics, `${scope}.ssl.handshake`);
  const of = (family: string, name: string): number | null => {
    if (statistics === null || all === null) return null;
    const prefix = `${scope}.ssl.${family}.`;
    const there = [...statistics].filter(([candidate]) => candidate.startsWith(prefix));
    const counted = there.reduce((sum, [, value]) => sum + value, 0);
    return counted === all ? (statistics.get(prefix + name) ?? 0) : null;
  };
  return { all, ofVersion: of('versions', version), ofCipher: of('ciphers', cipher) };
}

/** What Envoy counts below such a scope where a handshake fails. */
export const tlsFailures: readonly string[] = [
  'connection_error',
  'fail_verify_error',
  'fail_verify_no_cert',
  'fail_verify_san',
];

import type { EnvoyJson } from './api.ts';

/** Names of the secrets that an agent serves to its Envoy. */
export const secretNames = { certificate: 'workload', roots: 'roots' } as const;

/** The static cluster by which Envoy reaches its agent. */
export const agentCluster = 'agent';

// Both ends of every connection have the same settings in all data planes: TLS 1.3, whose cipher BoringSSL picks
// (AES-128-GCM where the processor has instructions for it), and one curve.
const parameters = {
  tls_minimum_protocol_version: 'TLSv1_3',
  tls_maximum_protocol_version: 'TLSv1_3',
  ecdh_curves: ['X25519'],
};

/** The side that connects: it shows its own certificate, and the other must have one of these SPIFFE IDs. */
export function clientTls(serverIds: readonly string[], sni?: string): EnvoyJson {
  return {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      common_tls_context: commonContext({ match_typed_subject_alt_names: serverIds.map(exactUri) }),
      ...(sni === undefined ? {} : { sni }),
    },
  };
}

/** The side that is connected to: nobody without a certificate of the trust domain comes in. */
export function serverTls(trustDomain: string): EnvoyJson {
  return {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      require_client_certificate: true,
      common_tls_context: commonContext({
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: `spiffe://${trustDomain}/` } }],
      }),
    },
  };
}

function commonContext(validation: EnvoyJson): EnvoyJson {
  return {
    tls_params: parameters,
    tls_certificate_sds_secret_configs: [{ name: secretNames.certificate, sds_config: fromAgent }],
    combined_validation_context: {
      default_validation_context: validation,
      validation_context_sds_secret_config: { name: secretNames.roots, sds_config: fromAgent },
    },
  };
}

function exactUri(uri: string): EnvoyJson {
  return { san_type: 'URI', matcher: { exact: uri } };
}

// A listener without its certificate would let nobody in: it waits for as long as it takes.
const fromAgent: EnvoyJson = {
  resource_api_version: 'V3',
  initial_fetch_timeout: '0s',
  api_config_source: {
    api_type: 'DELTA_GRPC',
    transport_api_version: 'V3',
    grpc_services: [
      {
        envoy_grpc: {
          cluster_name: agentCluster,
          // The agent starts beside Envoy: a first try that comes too early must not cost half a second.
          retry_policy: { retry_back_off: { base_interval: '0.05s', max_interval: '2s' } },
        },
      },
    ],
  },
};

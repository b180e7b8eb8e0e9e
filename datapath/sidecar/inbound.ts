import type { EnvoyJson } from '../envoy/api.ts';
import {
  type AuthorizationPolicy,
  httpAuthorization,
  networkAuthorization,
  routeAuthorization,
} from '../envoy/authorization.ts';
import { httpConnectionManager, routeToCluster, tcpProxy } from '../envoy/http-filters.ts';
import { unlimited } from '../envoy/mesh/circuit-breakers.ts';
import type { InboundPort } from '../envoy/mesh/mesh.ts';
import { inboundName } from '../envoy/mesh/names.ts';
import { envoyPorts } from '../envoy/ports.ts';
import type { ProxyConfiguration } from '../envoy/snapshot.ts';
import { trustDomain } from '../envoy/spiffe.ts';
import { serverTls } from '../envoy/tls-context.ts';
import { blackholeChain, blackholeCluster } from './blackhole.ts';

/** The address that the application sees as its client's: the redirection leaves alone what comes from it. */
export const inboundSource = '127.0.0.6';

/**
 * What connections to a pod meet: iptables brings them to one listener, which has a filter chain for each port of a
 * Service. A port without one is closed, and an encrypted port refuses plaintext.
 */
export function inboundConfiguration(
  namespace: string,
  ports: readonly InboundPort[],
  policy: AuthorizationPolicy,
): ProxyConfiguration {
  return {
    cluster: [...ports.map(({ port }) => applicationCluster(port)), blackholeCluster],
    listener: [
      {
        name: 'virtual_inbound',
        traffic_direction: 'INBOUND',
        address: { socket_address: { address: '0.0.0.0', port_value: envoyPorts.inbound } },
        listener_filters: [
          {
            name: 'original_dst',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
            },
          },
        ],
        filter_chains: [
          blackholeChain(envoyPorts.inbound),
          ...ports.map((port) => applicationChain(namespace, port, policy)),
        ],
      },
    ],
    route: ports
      .filter(({ profile }) => profile === 'l7')
      .map(({ port, encryption }) => {
        const name = inboundName(port);
        return routeToCluster(name, name, encryption === 'mtls' ? routeAuthorization(policy, { namespace, port }) : {});
      }),
  };
}

function applicationChain(
  namespace: string,
  { port, profile, encryption }: InboundPort,
  policy: AuthorizationPolicy,
): EnvoyJson {
  const name = inboundName(port);
  const scope = { namespace, port, statPrefix: name };
  // Without certificates there are no identities to check.
  const checked = encryption === 'mtls';
  const filters =
    profile === 'l7'
      ? [
          httpConnectionManager({
            statPrefix: name,
            route: name,
            filters: checked ? [httpAuthorization] : [],
          }),
        ]
      : [...(checked ? [networkAuthorization(policy, scope)] : []), tcpProxy(name, name)];
  return {
    name,
    filter_chain_match: { destination_port: port },
    filters,
    ...(encryption === 'mtls' ? { transport_socket: serverTls(trustDomain) } : {}),
  };
}

function applicationCluster(port: number): EnvoyJson {
  return {
    name: inboundName(port),
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '10s',
    circuit_breakers: unlimited,
    upstream_bind_config: { source_address: { address: inboundSource, port_value: 0 } },
  };
}

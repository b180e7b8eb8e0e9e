import type { EnvoyJson } from '../envoy/api.ts';
import { httpConnectionManager, routeToCluster, tcpProxy } from '../envoy/http-filters.ts';
import { unlimited } from '../envoy/mesh/circuit-breakers.ts';
import type { Mesh, OutboundPort } from '../envoy/mesh/mesh.ts';
import { outboundName, passthrough } from '../envoy/mesh/names.ts';
import { envoyPorts } from '../envoy/ports.ts';
import type { ProxyConfiguration } from '../envoy/snapshot.ts';
import { spiffeId } from '../envoy/spiffe.ts';
import { clientTls } from '../envoy/tls-context.ts';
import { blackholeChain } from './blackhole.ts';

/**
 * What a pod's own connections meet: iptables brings them to one listener, which hands each to the listener of the
 * Service address and port that it was meant for, and lets the rest pass as it is.
 */
export function outboundConfiguration({ namespace, outbound }: Mesh): ProxyConfiguration {
  return {
    cluster: [...outbound.map((port) => serviceCluster(namespace, port)), passthroughCluster],
    endpoint: outbound.map(loadAssignment),
    listener: [virtualOutbound, ...outbound.map(serviceListener)],
    route: outbound
      .filter(({ profile }) => profile === 'l7')
      .map((port) => routeToCluster(outboundName(port), outboundName(port))),
  };
}

const virtualOutbound: EnvoyJson = {
  name: 'virtual_outbound',
  traffic_direction: 'OUTBOUND',
  address: { socket_address: { address: '0.0.0.0', port_value: envoyPorts.outbound } },
  use_original_dst: true,
  filter_chains: [blackholeChain(envoyPorts.outbound)],
  default_filter_chain: { name: passthrough, filters: [tcpProxy(passthrough, passthrough)] },
};

const passthroughCluster: EnvoyJson = {
  name: passthrough,
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  connect_timeout: '10s',
  circuit_breakers: unlimited,
};

function serviceListener(port: OutboundPort): EnvoyJson {
  const name = outboundName(port);
  const filter =
    port.profile === 'l7' ? httpConnectionManager({ statPrefix: name, route: name }) : tcpProxy(name, name);
  return {
    name,
    traffic_direction: 'OUTBOUND',
    address: { socket_address: { address: port.clusterIp, port_value: port.port } },
    bind_to_port: false,
    filter_chains: [{ filters: [filter] }],
  };
}

function serviceCluster(namespace: string, port: OutboundPort): EnvoyJson {
  const servers = port.serviceAccounts.map((serviceAccount) => spiffeId({ namespace, serviceAccount }));
  return {
    name: outboundName(port),
    type: 'EDS',
    eds_cluster_config: { eds_config: ads },
    lb_policy: 'LEAST_REQUEST',
    connect_timeout: '10s',
    circuit_breakers: unlimited,
    // Without a pod behind it there is nobody whose identity could be right: an empty list would admit anyone.
    ...(port.encryption === 'mtls' ? { transport_socket: clientTls(servers.length === 0 ? [nobody] : servers) } : {}),
  };
}

function loadAssignment(port: OutboundPort): EnvoyJson {
  return {
    cluster_name: outboundName(port),
    endpoints: [
      {
        lb_endpoints: port.endpoints.map(({ address, port }) => ({
          endpoint: { address: { socket_address: { address, port_value: port } } },
        })),
      },
    ],
  };
}

const nobody = 'spiffe://nobody.invalid/';

const ads: EnvoyJson = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };

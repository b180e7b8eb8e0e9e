import type { EnvoyJson } from '../envoy/api.ts';
import { httpConnectionManager, routeToCluster, tcpProxy } from '../envoy/http-filters.ts';
import { unlimited } from '../envoy/mesh/circuit-breakers.ts';
import type { Mesh, OutboundPort } from '../envoy/mesh/mesh.ts';
import { outboundName, passthrough } from '../envoy/mesh/names.ts';
import { serviceCluster, serviceEndpoints } from '../envoy/mesh/service-cluster.ts';
import { envoyPorts } from '../envoy/ports.ts';
import type { ProxyConfiguration } from '../envoy/snapshot.ts';
import { blackholeChain } from './blackhole.ts';

/**
 * What a pod's own connections meet: iptables brings them to one listener, which hands each to the listener of the
 * Service address and port that it was meant for, and lets the rest pass as it is.
 */
export function outboundConfiguration({ namespace, outbound }: Mesh): ProxyConfiguration {
  return {
    cluster: [...outbound.map((port) => serviceCluster(namespace, port)), passthroughCluster],
    endpoint: outbound.map(serviceEndpoints),
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

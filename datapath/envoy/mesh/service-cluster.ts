import type { EnvoyJson } from '../api.ts';
import { spiffeId } from '../spiffe.ts';
import { clientTls } from '../tls-context.ts';
import { unlimited } from './circuit-breakers.ts';
import type { OutboundPort } from './mesh.ts';
import { outboundName } from './names.ts';

/** The pods behind a Service port, by what {@link serviceEndpoints} says of it; encrypted to their identities where it is. */
export function serviceCluster(namespace: string, port: OutboundPort): EnvoyJson {
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

/** Where the ready pods behind a Service port are. */
export function serviceEndpoints(port: OutboundPort): EnvoyJson {
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

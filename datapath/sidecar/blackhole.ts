import type { EnvoyJson } from '../envoy/api.ts';
import { tcpProxy } from '../envoy/http-filters.ts';
import { blackhole } from '../envoy/mesh/names.ts';

/** A filter chain that ends connections to the proxy's own port, which would otherwise go round in circles. */
export function blackholeChain(port: number): EnvoyJson {
  return {
    name: blackhole,
    filter_chain_match: { destination_port: port },
    filters: [tcpProxy(blackhole, blackhole)],
  };
}

/** A cluster without endpoints. */
export const blackholeCluster: EnvoyJson = { name: blackhole, type: 'STATIC', connect_timeout: '1s' };

import type { EnvoyJson } from '../envoy/api.ts';
import { tcpProxy } from '../envoy/http-filters.ts';
import { blackhole } from './names.ts';

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

/** Limits that are never met: a proxy beside one application guards nobody. Istio sets the same. */
export const unlimited: EnvoyJson = {
  thresholds: [
    {
      max_connections: 4294967295,
      max_pending_requests: 4294967295,
      max_requests: 4294967295,
      max_retries: 4294967295,
    },
  ],
};

import type { EnvoyJson } from './api.ts';

/** A filter for HTTP/1.1 and HTTP/2 that routes by `route` (an inline table or RDS) after `filters`. */
export function httpConnectionManager(options: {
  statPrefix: string;
  route: { route_config: EnvoyJson } | { rds: EnvoyJson };
  filters?: readonly EnvoyJson[];
}): EnvoyJson {
  return {
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: options.statPrefix,
      ...options.route,
      http_filters: [
        ...(options.filters ?? []),
        {
          name: 'router',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
            suppress_envoy_headers: true,
          },
        },
      ],
      normalize_path: true,
      skip_xff_append: true,
      // What the application says goes through as it says it.
      server_header_transformation: 'PASS_THROUGH',
      preserve_external_request_id: true,
    },
  };
}

/** A route table that sends everything to one cluster, with no deadline of its own. */
export function routeToCluster(name: string, cluster: string): EnvoyJson {
  return {
    name,
    virtual_hosts: [
      {
        name,
        domains: ['*'],
        routes: [
          {
            match: { prefix: '/' },
            route: {
              cluster,
              timeout: '0s',
              // Only what the other side cannot have begun to work on.
              retry_policy: { retry_on: 'connect-failure,refused-stream,reset-before-request', num_retries: 2 },
            },
          },
        ],
      },
    ],
  };
}

/** A filter that passes bytes on to a cluster. */
export function tcpProxy(statPrefix: string, cluster: string): EnvoyJson {
  return {
    name: 'tcp',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: statPrefix,
      cluster,
    },
  };
}

import type { EnvoyJson } from './api.ts';

/** A filter for HTTP/1.1 and HTTP/2 that routes by the table of that name, which comes by ADS, after `filters`. */
export function httpConnectionManager(options: {
  statPrefix: string;
  route: string;
  filters?: readonly EnvoyJson[];
}): EnvoyJson {
  return {
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: options.statPrefix,
      rds: {
        route_config_name: options.route,
        config_source: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      },
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

/**
 * A route table that sends everything to one cluster, with no deadline of its own.
 * @param perFilter configuration of filters, by their names.
 */
export function routeToCluster(name: string, cluster: string, perFilter: EnvoyJson = {}): EnvoyJson {
  return {
    name,
    virtual_hosts: [
      {
        name,
        domains: ['*'],
        typed_per_filter_config: perFilter,
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

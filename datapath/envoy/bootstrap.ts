import type { EnvoyJson } from './api.ts';
import { controlPorts, envoyPorts } from './ports.ts';
import { agentCluster, clientTls } from './tls-context.ts';

/** What Envoy must know before it can ask for the rest. Values may be `$(VARIABLES)` of its container. */
export type BootstrapOptions = {
  nodeId: string;
  /** The proxy's place, for people who read its configuration: pool, namespace. */
  cluster: string;
  /** Address of the control plane, without port, and its SPIFFE ID. */
  control: string;
  controlSpiffeId: string;
  /** Unix socket of the agent. */
  agentSocket: string;
  /** Regular expressions (RE2, whole name) of the statistics that are kept. All others cost nothing. */
  statistics: readonly string[];
};

/** Configuration that every Envoy of the lab starts with: agent, control plane, readiness and statistics. */
export function bootstrap(options: BootstrapOptions): EnvoyJson {
  return {
    node: { id: options.nodeId, cluster: options.cluster },
    admin: { address: loopback(envoyPorts.admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'control',
              retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '5s' } },
            },
          },
        ],
      },
      cds_config: fromControl,
      lds_config: fromControl,
    },
    static_resources: {
      clusters: [agentUpstream(options.agentSocket), controlUpstream(options), adminUpstream],
      listeners: [
        localListener('ready', envoyPorts.ready, [{ path: '/healthz/ready', rewrite: '/ready' }]),
        localListener('stats', envoyPorts.stats, [
          { path: '/stats/prometheus', rewrite: '/stats/prometheus' },
          { path: '/stats', rewrite: '/stats' },
        ]),
      ],
    },
    stats_config: {
      stats_matcher: { inclusion_list: { patterns: options.statistics.map((regex) => ({ safe_regex: { regex } })) } },
    },
    // Envoy wakes up for these; without a sink and without anyone who restarts it, rarely is often enough.
    stats_flush_interval: '60s',
    watchdogs: { main_thread_watchdog: rarely, worker_watchdog: rarely },
  };
}

// A proxy without its configuration is not ready, however long that takes.
const fromControl: EnvoyJson = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };

const rarely: EnvoyJson = { miss_timeout: '20s', megamiss_timeout: '60s' };

function agentUpstream(path: string): EnvoyJson {
  return {
    name: agentCluster,
    type: 'STATIC',
    connect_timeout: '1s',
    ...http2,
    load_assignment: assignment(agentCluster, { pipe: { path } }),
  };
}

function controlUpstream({ control, controlSpiffeId }: BootstrapOptions): EnvoyJson {
  return {
    name: 'control',
    type: 'STATIC',
    connect_timeout: '1s',
    ...http2,
    transport_socket: clientTls([controlSpiffeId]),
    // The other end may vanish with its node: without these, the stream would hang for as long as TCP retries.
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 30, keepalive_interval: 10, keepalive_probes: 3 } },
    load_assignment: assignment('control', { socket_address: { address: control, port_value: controlPorts.xds } }),
  };
}

const adminUpstream: EnvoyJson = {
  name: 'admin',
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: assignment('admin', loopback(envoyPorts.admin)),
};

const http2: EnvoyJson = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** A listener for the pod's neighbours that lets a few GETs through to the admin interface, and nothing else. */
function localListener(name: string, port: number, paths: readonly { path: string; rewrite: string }[]): EnvoyJson {
  return {
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: port } },
    ignore_global_conn_limit: true,
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: name,
              route_config: {
                virtual_hosts: [
                  {
                    name,
                    domains: ['*'],
                    routes: paths.map(({ path, rewrite }) => ({
                      match: { path, headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
                      route: { cluster: 'admin', prefix_rewrite: rewrite },
                    })),
                  },
                ],
              },
              http_filters: [
                {
                  name: 'router',
                  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function loopback(port: number): EnvoyJson {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function assignment(clusterName: string, address: EnvoyJson): EnvoyJson {
  return { cluster_name: clusterName, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
}

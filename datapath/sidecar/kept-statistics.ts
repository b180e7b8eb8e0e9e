/** The statistics that a sidecar keeps: what evidence needs, and what says why something fails. */
export const keptStatistics: readonly string[] = [
  'http\\.(in|out)bound_[^.]+\\.(downstream_rq_total|downstream_rq_[1-5]xx|downstream_cx_(total|rx_bytes_total|tx_bytes_total)|rbac\\.(allowed|denied))',
  'tcp\\.(inbound_[^.]+|outbound_[^.]+|passthrough|blackhole)\\.downstream_cx_(total|rx_bytes_total|tx_bytes_total)',
  'inbound_[^.]+\\.rbac\\.(allowed|denied)',
  'cluster\\.(in|out)bound_[^.]+\\.(upstream_cx_total|upstream_rq_total|upstream_cx_connect_fail|upstream_cx_none_healthy|upstream_rq_retry)',
  'cluster\\.outbound_[^.]+\\.ssl\\.(versions\\..*|ciphers\\..*|handshake|connection_error|fail_verify_error|fail_verify_no_cert|fail_verify_san)',
  'listener\\.0\\.0\\.0\\.0_15006\\.(no_filter_chain_match|ssl\\.(versions\\..*|ciphers\\..*|handshake|connection_error|fail_verify_error|fail_verify_no_cert|fail_verify_san))',
  '(cluster_manager\\.cds|listener_manager\\.lds)\\.update_(success|rejected)',
  'sds\\..*\\.update_(success|rejected)',
  'server\\.(live|state)',
];

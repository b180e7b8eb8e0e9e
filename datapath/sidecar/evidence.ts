import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext, Evidence, Expectation, TestCase, Traffic } from '../data-plane.ts';
import { inboundName, outboundName } from '../envoy/mesh/names.ts';
import { envoyPorts } from '../envoy/ports.ts';
import { parseStatistics, sumOf } from '../envoy/statistics.ts';

type Statistics = ReadonlyMap<string, number>;

/** The scenario's Service, which both Envoys name their statistics after. */
const service = 'workload';

/** Reads what the two Envoys on a test case's way have counted: the generator's, and the workload's. */
export async function sidecarEvidence(context: DataPlaneContext, testCase: TestCase): Promise<Evidence> {
  const [client, server] = await Promise.all([
    readStatistics(context, testCase, `lab.role=generator,lab.placement=${testCase.placement}`),
    readStatistics(context, testCase, 'lab.role=workload'),
  ]);
  return evidenceOf(testCase, client, server);
}

/** The counters of a test case, from the statistics of both Envoys. */
export function evidenceOf({ profile, encryption, port }: TestCase, client: Statistics, server: Statistics): Evidence {
  const out = outboundName({ service, port });
  const inn = inboundName(port);
  const of = (statistics: Statistics, name: string): number => statistics.get(name) ?? 0;
  const others = (statistics: Statistics, direction: string, own: string): number =>
    sumOf(statistics, new RegExp(`^http\\.(?!${own}\\.)${direction}_[^.]+\\.downstream_rq_total$`)) +
    sumOf(statistics, new RegExp(`^tcp\\.(?!${own}\\.)${direction}_[^.]+\\.downstream_cx_total$`));
  const handshakes = sumOf(client, /^cluster\.outbound_[^.]+\.ssl\.handshake$/);
  const passed =
    profile === 'l7'
      ? {
          'client-envoy/requests': of(client, `http.${out}.downstream_rq_total`),
          'server-envoy/requests': of(server, `http.${inn}.downstream_rq_total`),
        }
      : {
          'client-envoy/connections': of(client, `tcp.${out}.downstream_cx_total`),
          'client-envoy/bytes-sent': of(client, `tcp.${out}.downstream_cx_rx_bytes_total`),
          'client-envoy/bytes-received': of(client, `tcp.${out}.downstream_cx_tx_bytes_total`),
          'server-envoy/connections': of(server, `tcp.${inn}.downstream_cx_total`),
          'server-envoy/bytes-received': of(server, `tcp.${inn}.downstream_cx_rx_bytes_total`),
          'server-envoy/bytes-sent': of(server, `tcp.${inn}.downstream_cx_tx_bytes_total`),
        };
  const identified =
    profile === 'l7'
      ? { 'server-envoy/requests-by-identity': of(server, `http.${inn}.rbac.allowed`) }
      : {
          'client-envoy/tls-handshakes': of(client, `cluster.${out}.ssl.handshake`),
          'server-envoy/connections-by-identity': of(server, `${inn}.rbac.allowed`),
        };
  return {
    ...passed,
    ...(encryption === 'mtls'
      ? identified
      : {
          'client-envoy/tls-handshakes': handshakes,
          'server-envoy/tls-handshakes': of(server, 'listener.0.0.0.0_15006.ssl.handshake'),
        }),
    'client-envoy/other-ports': others(client, 'outbound', out),
    'client-envoy/passed-through': of(client, 'tcp.passthrough.downstream_cx_total'),
    'client-envoy/tls-failures': sumOf(client, /\.ssl\.(connection_error|fail_verify_\w+)$/),
    'server-envoy/other-ports': others(server, 'inbound', inn),
    'server-envoy/denied': sumOf(server, /\.rbac\.denied$/),
    'server-envoy/unknown-ports': of(server, 'listener.0.0.0.0_15006.no_filter_chain_match'),
    'server-envoy/tls-failures': sumOf(server, /\.ssl\.(connection_error|fail_verify_\w+)$/),
  };
}

/** What the counters must have grown by for this traffic; those that are left out must not have moved. */
export function sidecarExpected({ profile, encryption }: TestCase, traffic: Traffic): Expectation[] {
  const { requests, connections, bytesSent, bytesReceived } = traffic;
  const exactly = (counter: string, claim: string, count: number): Expectation => ({ counter, claim, exactly: count });
  if (profile === 'l7') {
    return [
      exactly('client-envoy/requests', "every request went through the generator's Envoy, once", requests),
      exactly('server-envoy/requests', "every request went through the workload's Envoy, once", requests),
      ...(encryption === 'mtls'
        ? [
            exactly(
              'server-envoy/requests-by-identity',
              'every request was allowed by the identity in the certificate that its connection showed',
              requests,
            ),
          ]
        : []),
    ];
  }
  return [
    exactly('client-envoy/connections', "every connection went through the generator's Envoy", connections),
    exactly('client-envoy/bytes-sent', "every byte sent went through the generator's Envoy", bytesSent),
    exactly('client-envoy/bytes-received', "every byte received came through the generator's Envoy", bytesReceived),
    exactly('server-envoy/connections', "every connection went through the workload's Envoy", connections),
    exactly('server-envoy/bytes-received', "every byte sent went through the workload's Envoy", bytesSent),
    exactly('server-envoy/bytes-sent', "every byte received came through the workload's Envoy", bytesReceived),
    ...(encryption === 'mtls'
      ? [
          exactly(
            'client-envoy/tls-handshakes',
            'every connection was encrypted by a handshake of its own',
            connections,
          ),
          exactly(
            'server-envoy/connections-by-identity',
            'every connection was allowed by the identity in the certificate that it showed',
            connections,
          ),
        ]
      : []),
  ];
}

async function readStatistics(
  { kube, signal }: DataPlaneContext,
  { pool }: TestCase,
  labelSelector: string,
): Promise<Statistics> {
  const path = `/api/v1/namespaces/${pool.namespace}/pods`;
  const pods = (await kube.json<V1PodList>('GET', path, { query: { labelSelector }, signal })).items as V1Pod[];
  const [pod, ...more] = pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  if (pod === undefined || more.length > 0) {
    throw new LabError('LAB_EVIDENCE_UNREADABLE', {
      message: `There must be one pod with ${labelSelector} in ${pool.namespace}; there are ${more.length + (pod === undefined ? 0 : 1)}`,
    });
  }
  const address = `${path}/${pod.metadata?.name}:${envoyPorts.stats}/proxy/stats`;
  const response = await kube.request('GET', address, { signal });
  const text = await response.text();
  if (response.ok) return parseStatistics(text);
  throw new LabError('LAB_EVIDENCE_UNREADABLE', {
    message: `Envoy of ${pod.metadata?.name} does not show its statistics: ${response.status} ${text.trim()}`,
  });
}

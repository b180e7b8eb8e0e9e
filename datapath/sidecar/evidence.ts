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
  const of = (statistics: Statistics, name: string): number | null => statistics.get(name) ?? null;
  // Of all ports less its own: there is always that one, and where a name has changed there is none.
  const others = (statistics: Statistics, direction: string, own: string): number | null =>
    less(
      sumOf(
        statistics,
        new RegExp(`^(http\\.${direction}_[^.]+\\.downstream_rq|tcp\\.${direction}_[^.]+\\.downstream_cx)_total$`),
      ),
      of(statistics, profile === 'l7' ? `http.${own}.downstream_rq_total` : `tcp.${own}.downstream_cx_total`),
    );
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
      ? {
          'server-envoy/requests-by-identity': of(server, `http.${inn}.rbac.allowed`),
          'client-envoy/connections-without-tls': less(
            of(client, `cluster.${out}.upstream_cx_total`),
            tls(client, `cluster.${out}`).handshakes,
          ),
        }
      : {
          'client-envoy/tls-handshakes': tls(client, `cluster.${out}`).handshakes,
          'server-envoy/connections-by-identity': of(server, `${inn}.rbac.allowed`),
        };
  const [clientTls, serverTls] = [tls(client, `cluster.${out}`), tls(server, inboundListener)];
  return {
    ...passed,
    ...(encryption === 'mtls'
      ? {
          ...identified,
          'client-envoy/tls-not-1.3': less(clientTls.handshakes, clientTls.ofVersion),
          'client-envoy/tls-other-ciphers': less(clientTls.handshakes, clientTls.ofCipher),
          'server-envoy/tls-not-1.3': less(serverTls.handshakes, serverTls.ofVersion),
          'server-envoy/tls-other-ciphers': less(serverTls.handshakes, serverTls.ofCipher),
        }
      : {
          'client-envoy/tls-handshakes': handshakes,
          'server-envoy/tls-handshakes': serverTls.handshakes,
        }),
    'client-envoy/other-ports': others(client, 'outbound', out),
    'client-envoy/passed-through': of(client, 'tcp.passthrough.downstream_cx_total'),
    'client-envoy/tls-failures': sumOf(client, /\.ssl\.(connection_error|fail_verify_\w+)$/),
    'server-envoy/other-ports': others(server, 'inbound', inn),
    'server-envoy/denied': sumOf(server, /\.rbac\.denied$/),
    'server-envoy/unknown-ports': of(server, `${inboundListener}.no_filter_chain_match`),
    'server-envoy/tls-failures': sumOf(server, /\.ssl\.(connection_error|fail_verify_\w+)$/),
  };
}

/** The listener that everything for the pod is redirected to. */
const inboundListener = 'listener.0.0.0.0_15006';

/** The one version, and the cipher that BoringSSL picks for it where the processor has instructions for AES. */
const [tlsVersion, tlsCipher] = ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'];

/**
 * Handshakes that an Envoy has made, and those of the version and the cipher of the experiment. Envoy counts these two from
 * the first on, so that there are none of either where there has been no handshake.
 */
function tls(statistics: Statistics, scope: string) {
  const handshakes = statistics.get(`${scope}.ssl.handshake`) ?? null;
  const of = (name: string): number | null => statistics.get(`${scope}.ssl.${name}`) ?? 0;
  return { handshakes, ofVersion: of(`versions.${tlsVersion}`), ofCipher: of(`ciphers.${tlsCipher}`) };
}

function less(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
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

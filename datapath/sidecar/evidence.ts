import type { V1Pod, V1PodList, V1Service } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext, Evidence, TestCase } from '../data-plane.ts';
import { meshOf, type PortMode } from '../envoy/mesh/mesh.ts';
import { inboundName, outboundName } from '../envoy/mesh/names.ts';
import { envoyPorts } from '../envoy/ports.ts';
import { parseStatistics, type Statistics, statistic, sumOf } from '../envoy/statistics.ts';
import { tlsFailures, tlsHandshakes } from '../envoy/tls-statistics.ts';

/** The scenario's Service, which both Envoys name their statistics after. */
const service = 'workload';

/** The listener that everything for the pod is redirected to. */
const inboundListener = 'listener.0.0.0.0_15006';

/** Ports of that Service as both Envoys have them: they say which statistics there must be. */
export type Ports = Readonly<Record<'outbound' | 'inbound', readonly (PortMode & { port: number })[]>>;

/** What the two Envoys on the way count: the generator's, and the workload's. Null where one does not tell. */
export type BothEnvoys = { client: Statistics | null; server: Statistics | null };

/**
 * Reads what the two Envoys on a test case's way have counted.
 * @throws LabError LAB_EVIDENCE_UNREADABLE where there is not just one pod of each.
 */
export async function sidecarEvidence(context: DataPlaneContext, testCase: TestCase): Promise<Evidence> {
  const { kube, signal } = context;
  const { pool, placement } = testCase;
  const namespaced = `/api/v1/namespaces/${pool.namespace}`;
  const [found, { items }] = await Promise.all([
    kube.json<V1Service>('GET', `${namespaced}/services/${service}`, { signal }),
    kube.json<V1PodList>('GET', `${namespaced}/pods`, { query: { labelSelector: 'lab.role' }, signal }),
  ]);
  const generator = onlyPod(items, { 'lab.role': 'generator', 'lab.placement': placement });
  const workload = onlyPod(items, { 'lab.role': 'workload' });
  const mesh = meshOf({ namespace: pool.namespace, services: [found], slices: [], pods: [workload] }, () => true);
  const inbound = mesh.proxies.get(workload.metadata?.name ?? '')?.inbound ?? [];
  const [client, server] = await Promise.all([generator, workload].map((pod) => readStatistics(context, pod)));
  return evidenceOf(testCase, { outbound: mesh.outbound, inbound }, { client: client ?? null, server: server ?? null });
}

/** The counters of a test case, from the statistics of both Envoys. */
export function evidenceOf(testCase: TestCase, ports: Ports, envoys: BothEnvoys): Evidence {
  return { ...passed(testCase, envoys), ...encrypted(testCase, ports, envoys), ...strayed(testCase, ports, envoys) };
}

/** What passed both, as it should. */
function passed({ profile, port }: TestCase, { client, server }: BothEnvoys): Evidence {
  const [out, inn] = [outboundName({ service, port }), inboundName(port)];
  const kind = profile === 'l7' ? 'http' : 'tcp';
  return {
    ...(profile === 'l7'
      ? {
          'client-envoy/requests': statistic(client, `http.${out}.downstream_rq_total`),
          'server-envoy/requests': statistic(server, `http.${inn}.downstream_rq_total`),
        }
      : {}),
    'client-envoy/connections': statistic(client, `${kind}.${out}.downstream_cx_total`),
    'server-envoy/connections': statistic(server, `${kind}.${inn}.downstream_cx_total`),
    'client-envoy/connections-opened': statistic(client, `cluster.${out}.upstream_cx_total`),
    // Downstream is whoever asks: what Envoy receives of the client is what that one sends.
    'client-envoy/bytes-sent': statistic(client, `${kind}.${out}.downstream_cx_rx_bytes_total`),
    'client-envoy/bytes-received': statistic(client, `${kind}.${out}.downstream_cx_tx_bytes_total`),
    'server-envoy/bytes-received': statistic(server, `${kind}.${inn}.downstream_cx_rx_bytes_total`),
    'server-envoy/bytes-sent': statistic(server, `${kind}.${inn}.downstream_cx_tx_bytes_total`),
  };
}

/** Handshakes and identities where the test case has them; else all handshakes there are. */
function encrypted({ profile, encryption, port }: TestCase, ports: Ports, { client, server }: BothEnvoys): Evidence {
  if (encryption !== 'mtls') {
    const clusters = outboundScopes(ports).map((scope) => `${scope}.ssl.handshake`);
    const listeners = inboundScopes(ports).map((scope) => `${scope}.ssl.handshake`);
    return {
      'client-envoy/tls-handshakes': sumOf(client, clusters, /^cluster\.outbound_[^.]+\.ssl\.handshake$/),
      'server-envoy/tls-handshakes': sumOf(server, listeners, /^listener\..*\.ssl\.handshake$/),
    };
  }
  const inn = inboundName(port);
  const ends = {
    'client-envoy': tlsHandshakes(client, `cluster.${outboundName({ service, port })}`),
    'server-envoy': tlsHandshakes(server, inboundListener),
  };
  return {
    ...Object.fromEntries(
      Object.entries(ends).flatMap(([envoy, { all, ofVersion, ofCipher }]) => [
        [`${envoy}/tls-handshakes`, all],
        [`${envoy}/tls-1.3-handshakes`, ofVersion],
        [`${envoy}/tls-aes-128-gcm-handshakes`, ofCipher],
      ]),
    ),
    ...(profile === 'l7'
      ? { 'server-envoy/requests-by-identity': statistic(server, `http.${inn}.rbac.allowed`) }
      : { 'server-envoy/connections-by-identity': statistic(server, `${inn}.rbac.allowed`) }),
  };
}

/** What must not move: other ways, and what was refused. */
function strayed({ profile, port }: TestCase, ports: Ports, { client, server }: BothEnvoys): Evidence {
  const others = (statistics: Statistics | null, names: readonly string[], own: string, all: RegExp) =>
    less(sumOf(statistics, [...names, own], all), statistic(statistics, own));
  const outbound = ports.outbound.map((other) =>
    passedName(other.profile, outboundName({ service, port: other.port })),
  );
  const inbound = ports.inbound.map((other) => passedName(other.profile, inboundName(other.port)));
  const denied = ports.inbound
    .filter(({ encryption }) => encryption === 'mtls')
    .map((other) => `${other.profile === 'l7' ? 'http.' : ''}${inboundName(other.port)}.rbac.denied`);
  const failures = (scopes: readonly string[]) =>
    scopes.flatMap((scope) => tlsFailures.map((failure) => `${scope}.ssl.${failure}`));
  return {
    'client-envoy/other-ports': others(
      client,
      outbound,
      passedName(profile, outboundName({ service, port })),
      passedOut,
    ),
    'client-envoy/passed-through': statistic(client, 'tcp.passthrough.downstream_cx_total'),
    'client-envoy/tls-failures': sumOf(client, failures(outboundScopes(ports)), anyFailure),
    'server-envoy/other-ports': others(server, inbound, passedName(profile, inboundName(port)), passedIn),
    'server-envoy/denied': sumOf(server, denied, /\.rbac\.denied$/),
    'server-envoy/unknown-ports': statistic(server, `${inboundListener}.no_filter_chain_match`),
    'server-envoy/tls-failures': sumOf(server, failures(inboundScopes(ports)), anyFailure),
  };
}

// What of other Services there is counts too.
const passedOut = /^(http\.outbound_[^.]+\.downstream_rq|tcp\.outbound_[^.]+\.downstream_cx)_total$/;
const passedIn = /^(http\.inbound_[^.]+\.downstream_rq|tcp\.inbound_[^.]+\.downstream_cx)_total$/;
const anyFailure = /\.ssl\.(connection_error|fail_verify_\w+)$/;

function passedName(profile: PortMode['profile'], name: string): string {
  return profile === 'l7' ? `http.${name}.downstream_rq_total` : `tcp.${name}.downstream_cx_total`;
}

/** Where an Envoy counts TLS. What is not encrypted has no such statistics. */
function outboundScopes({ outbound }: Ports): string[] {
  return outbound
    .filter(({ encryption }) => encryption === 'mtls')
    .map(({ port }) => `cluster.${outboundName({ service, port })}`);
}

function inboundScopes({ inbound }: Ports): string[] {
  return inbound.some(({ encryption }) => encryption === 'mtls') ? [inboundListener] : [];
}

function less(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other;
}

function onlyPod(pods: readonly V1Pod[], labels: Readonly<Record<string, string>>): V1Pod {
  const [pod, ...more] = pods.filter(
    ({ metadata }) =>
      metadata?.deletionTimestamp === undefined &&
      Object.entries(labels).every(([name, value]) => metadata?.labels?.[name] === value),
  );
  if (pod !== undefined && more.length === 0) return pod;
  throw new LabError('LAB_EVIDENCE_UNREADABLE', {
    message: `There must be one pod with ${JSON.stringify(labels)}; there are ${more.length + (pod === undefined ? 0 : 1)}`,
  });
}

/** Null where Envoy does not answer: what it counts is then unknown, and proves nothing. */
async function readStatistics({ kube, signal }: DataPlaneContext, { metadata }: V1Pod): Promise<Statistics | null> {
  const path = `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}:${envoyPorts.stats}/proxy/stats`;
  const response = await kube.request('GET', path, { signal });
  const text = await response.text();
  return response.ok ? parseStatistics(text) : null;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import type { Evidence, Expectation, TestCase } from '../data-plane.ts';
import { evidenceOf, type Ports } from './evidence.ts';
import { sidecarExpected } from './expected.ts';
import { sidecar } from './sidecar.ts';

const base = { pool: poolOf('sidecar', 'sidecar'), placement: 'cross-node', variant: null } as const;
const traffic = { requests: 20, connections: 2, bytesSent: 300, bytesReceived: 4000 };
const four = [
  { port: 8080, profile: 'l4', encryption: 'mtls' },
  { port: 8081, profile: 'l7', encryption: 'mtls' },
  { port: 8082, profile: 'l4', encryption: 'none' },
  { port: 8083, profile: 'l7', encryption: 'none' },
] as const;
const ports: Ports = { outbound: four, inbound: four };
const [l4, l7, l7Plain] = [
  { ...base, profile: 'l4', encryption: 'mtls', port: 8080 },
  { ...base, profile: 'l7', encryption: 'mtls', port: 8081 },
  { ...base, profile: 'l7', encryption: 'none', port: 8083 },
] as const;

test('every expectation is of a counter that is read', () => {
  for (const mode of sidecar.modes) {
    const testCase: TestCase = { ...base, ...mode, port: 8080 };
    const counters = Object.keys(evidenceOf(testCase, ports, { client: null, server: null }));
    for (const expectation of sidecarExpected(testCase, traffic)) {
      assert.ok(counters.includes(expectation.counter), expectation.counter);
      if ('sameAs' in expectation) assert.ok(counters.includes(expectation.sameAs), expectation.sameAs);
    }
  }
});

test('a connection to another port, past the mesh, or denied shows in counters that must not move', () => {
  const evidence = evidenceOf(l4, ports, {
    client: statistics({
      'tcp.outbound_workload_8080.downstream_cx_total': 2,
      'tcp.outbound_workload_8082.downstream_cx_total': 1,
      'http.outbound_workload_8081.downstream_rq_total': 4,
      'tcp.outbound_other_99.downstream_cx_total': 64,
      'tcp.passthrough.downstream_cx_total': 8,
    }),
    server: statistics({
      'inbound_8080.rbac.denied': 16,
      'http.inbound_8081.rbac.denied': 1,
      'tcp.inbound_8082.downstream_cx_total': 32,
    }),
  });
  assert.equal(evidence['client-envoy/connections'], 2);
  assert.equal(evidence['client-envoy/other-ports'], 69);
  assert.equal(evidence['client-envoy/passed-through'], 8);
  assert.equal(evidence['server-envoy/denied'], 17);
  assert.equal(evidence['server-envoy/other-ports'], 32);
  const named = sidecarExpected(l4, traffic).map(({ counter }) => counter);
  for (const counter of ['client-envoy/other-ports', 'client-envoy/passed-through', 'server-envoy/denied']) {
    assert.ok(!named.includes(counter), counter);
  }
});

test('whichever statistic is missing, a counter is null and never 0: after a change of its name nothing is proven', () => {
  const all = [...statistics({})];
  const nullsOf = (testCase: TestCase, there: typeof all | null) => {
    const one = there === null ? null : new Map(there);
    const values = Object.values(evidenceOf(testCase, ports, { client: one, server: one }));
    return { nulls: values.filter((value) => value === null).length, of: values.length };
  };
  const cases = four.map((mode): TestCase => ({ ...base, ...mode }));
  for (const testCase of cases) {
    assert.equal(nullsOf(testCase, all).nulls, 0);
    const unreachable = nullsOf(testCase, null);
    assert.equal(unreachable.nulls, unreachable.of);
  }
  for (const [missing] of all) {
    const without = all.filter(([name]) => name !== missing);
    const wanting = cases.filter((testCase) => nullsOf(testCase, without).nulls > 0);
    assert.ok(wanting.length > 0, `nobody wants ${missing}`);
    if (/error|fail|denied|passthrough|no_filter/.test(missing)) assert.equal(wanting.length, cases.length, missing);
  }
});

test('a handshake of another version, or cipher, or none at all, or that one end does not know of, does not hold', () => {
  const made = (changes: Record<string, number>) => {
    const client = 'cluster.outbound_workload_8081';
    const server = 'listener.0.0.0.0_15006';
    const right = Object.fromEntries(
      [client, server].flatMap((scope) => [
        [`${scope}.ssl.handshake`, 3],
        [`${scope}.ssl.versions.TLSv1.3`, 3],
        [`${scope}.ssl.ciphers.TLS_AES_128_GCM_SHA256`, 3],
      ]),
    );
    const opened = { [`${client}.upstream_cx_total`]: 3, 'http.inbound_8081.downstream_cx_total': 3 };
    const all = statistics({ ...opened, ...right, ...changes });
    return brokenOf(evidenceOf(l7, ports, { client: all, server: all }), sidecarExpected(l7, traffic));
  };
  assert.deepEqual(made({}), []);
  const past = ['server-envoy/connections', 'client-envoy/tls-handshakes'];
  assert.deepEqual(made({ 'cluster.outbound_workload_8081.upstream_cx_total': 4 }), past);
  assert.deepEqual(
    made({
      'cluster.outbound_workload_8081.ssl.versions.TLSv1.3': 2,
      'cluster.outbound_workload_8081.ssl.versions.TLSv1.2': 1,
    }),
    ['client-envoy/tls-1.3-handshakes'],
  );
  assert.deepEqual(
    made({
      'listener.0.0.0.0_15006.ssl.ciphers.TLS_AES_128_GCM_SHA256': 1,
      'listener.0.0.0.0_15006.ssl.ciphers.TLS_AES_256_GCM_SHA384': 2,
    }),
    ['server-envoy/tls-aes-128-gcm-handshakes'],
  );
  assert.deepEqual(made({ 'listener.0.0.0.0_15006.ssl.handshake': 4 }), [
    'server-envoy/tls-handshakes',
    // They do not come to all handshakes.
    'server-envoy/tls-1.3-handshakes',
    'server-envoy/tls-aes-128-gcm-handshakes',
  ]);
});

test('in plaintext, any handshake speaks against the test case', () => {
  const evidence = evidenceOf(l7Plain, ports, {
    client: statistics({ 'cluster.outbound_workload_8081.ssl.handshake': 1 }),
    server: statistics({ 'listener.0.0.0.0_15006.ssl.handshake': 1 }),
  });
  assert.equal(evidence['client-envoy/tls-handshakes'], 1);
  assert.equal(evidence['server-envoy/tls-handshakes'], 1);
  assert.ok(!sidecarExpected(l7Plain, traffic).some(({ counter }) => counter.includes('handshakes')));
});

test('where nothing is encrypted, there is no handshake and no statistic of one', () => {
  const plain = four.filter(({ encryption }) => encryption === 'none');
  const client = new Map([...statistics({})].filter(([name]) => !/ssl|rbac/.test(name)));
  const evidence = evidenceOf(l7Plain, { outbound: plain, inbound: plain }, { client, server: client });
  for (const [counter, value] of Object.entries(evidence)) assert.equal(value, 0, counter);
});

/** All statistics that an Envoy has as soon as it is configured, 0 but for what is given. */
function statistics(given: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  const failures = ['handshake', 'connection_error', 'fail_verify_error', 'fail_verify_no_cert', 'fail_verify_san'];
  const names = four.flatMap(({ port, profile, encryption }) => [
    ...['outbound_workload', 'inbound'].flatMap((direction) => [
      `${profile === 'l7' ? 'http' : 'tcp'}.${direction}_${port}.downstream_${profile === 'l7' ? 'rq' : 'cx'}_total`,
      ...(profile === 'l7' ? [`http.${direction}_${port}.downstream_cx_total`] : []),
      ...['rx', 'tx'].map(
        (way) => `${profile === 'l7' ? 'http' : 'tcp'}.${direction}_${port}.downstream_cx_${way}_bytes_total`,
      ),
    ]),
    `cluster.outbound_workload_${port}.upstream_cx_total`,
    ...(encryption === 'none'
      ? []
      : [
          ...['allowed', 'denied'].map(
            (verdict) => `${profile === 'l7' ? 'http.' : ''}inbound_${port}.rbac.${verdict}`,
          ),
          ...failures.map((name) => `cluster.outbound_workload_${port}.ssl.${name}`),
        ]),
  ]);
  const own = [...failures.map((name) => `ssl.${name}`), 'no_filter_chain_match'].map(
    (name) => `listener.0.0.0.0_15006.${name}`,
  );
  const all = [...names, ...own, 'tcp.passthrough.downstream_cx_total'];
  return new Map([...all.map((name): [string, number] => [name, 0]), ...Object.entries(given)]);
}

/** Counters that are not as another one is. */
function brokenOf(evidence: Evidence, expected: readonly Expectation[]): string[] {
  return expected.flatMap((one) =>
    'sameAs' in one && evidence[one.counter] !== evidence[one.sameAs] ? [one.counter] : [],
  );
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolOf } from '../../clusters/cluster.ts';
import type { TestCase } from '../data-plane.ts';
import { evidenceOf, sidecarExpected } from './evidence.ts';
import { sidecar } from './sidecar.ts';

const base = { pool: poolOf('sidecar', 'sidecar'), placement: 'cross-node', variant: null } as const;
const traffic = { requests: 20, connections: 2, bytesSent: 300, bytesReceived: 4000 };

test('every expectation is of a counter that is read', () => {
  for (const mode of sidecar.modes) {
    const testCase: TestCase = { ...base, ...mode, port: 8080 };
    const counters = Object.keys(evidenceOf(testCase, new Map(), new Map()));
    for (const { counter } of sidecarExpected(testCase, traffic)) assert.ok(counters.includes(counter), counter);
  }
});

test('a connection to another port, past the mesh, or denied shows in counters that must not move', () => {
  const testCase: TestCase = { ...base, profile: 'l4', encryption: 'mtls', port: 8080 };
  const evidence = evidenceOf(
    testCase,
    new Map([
      ['tcp.outbound_workload_8080.downstream_cx_total', 2],
      ['tcp.outbound_workload_8082.downstream_cx_total', 1],
      ['http.outbound_workload_8081.downstream_rq_total', 4],
      ['tcp.passthrough.downstream_cx_total', 8],
    ]),
    new Map([
      ['inbound_8080.rbac.denied', 16],
      ['tcp.inbound_8082.downstream_cx_total', 32],
    ]),
  );
  assert.equal(evidence['client-envoy/connections'], 2);
  assert.equal(evidence['client-envoy/other-ports'], 5);
  assert.equal(evidence['client-envoy/passed-through'], 8);
  assert.equal(evidence['server-envoy/denied'], 16);
  assert.equal(evidence['server-envoy/other-ports'], 32);
  const named = sidecarExpected(testCase, traffic).map(({ counter }) => counter);
  for (const counter of ['client-envoy/other-ports', 'client-envoy/passed-through', 'server-envoy/denied']) {
    assert.ok(!named.includes(counter), counter);
  }
});

test('in plaintext, any handshake speaks against the test case', () => {
  const testCase: TestCase = { ...base, profile: 'l7', encryption: 'none', port: 8083 };
  const evidence = evidenceOf(
    testCase,
    new Map([['cluster.outbound_workload_8081.ssl.handshake', 1]]),
    new Map([['listener.0.0.0.0_15006.ssl.handshake', 1]]),
  );
  assert.equal(evidence['client-envoy/tls-handshakes'], 1);
  assert.equal(evidence['server-envoy/tls-handshakes'], 1);
  assert.ok(!sidecarExpected(testCase, traffic).some(({ counter }) => counter.includes('handshakes')));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mesh, PortMode } from '../envoy/mesh/mesh.ts';
import { sidecarConfiguration } from './configuration.ts';
import { sidecarBootstrap } from './enroll.ts';
import { assertGolden } from './golden.ts';

const modes: readonly (PortMode & { port: number })[] = [
  { port: 8080, profile: 'l4', encryption: 'mtls' },
  { port: 8081, profile: 'l7', encryption: 'mtls' },
  { port: 8082, profile: 'l4', encryption: 'none' },
  { port: 8083, profile: 'l7', encryption: 'none' },
];

const mesh: Mesh = {
  namespace: 'lab-sidecar',
  outbound: modes.map((mode) => ({
    ...mode,
    service: 'workload',
    clusterIp: '10.96.0.9',
    serviceAccounts: ['workload'],
    endpoints: [{ address: '10.244.2.5', port: mode.port }],
  })),
  proxies: new Map([
    ['workload-1', { serviceAccount: 'workload', inbound: modes }],
    ['generator-1', { serviceAccount: 'generator', inbound: [] }],
  ]),
};

const policy = {
  rules: [
    { port: 8080, from: ['generator'] },
    { port: 8081, from: ['generator'], methods: ['GET'], paths: ['/*'] },
  ],
};

test('the configuration of a pod behind all four modes is the golden one', () => {
  assertGolden('workload.json', sidecarConfiguration(mesh, 'workload-1', policy));
});

test('a pod behind no Service has no way in', () => {
  const { listener = [] } = sidecarConfiguration(mesh, 'generator-1', policy) ?? {};
  const inbound = listener.find(({ name }) => name === 'virtual_inbound');
  const chains = inbound?.filter_chains as { name: string }[];
  assert.deepEqual(
    chains.map(({ name }) => name),
    ['blackhole'],
  );
  assert.equal(inbound?.default_filter_chain, undefined);
});

test('a Service with nobody behind it admits no server at all', () => {
  const empty = { ...mesh, outbound: mesh.outbound.slice(0, 1).map((port) => ({ ...port, serviceAccounts: [] })) };
  const { cluster = [] } = sidecarConfiguration(empty, 'generator-1', policy) ?? {};
  assert.match(JSON.stringify(cluster[0]), /spiffe:\/\/nobody\.invalid\//);
});

test('a pod that the mesh does not know has no configuration', () => {
  assert.equal(sidecarConfiguration(mesh, 'stranger', policy), null);
});

test('the bootstrap is the golden one', () => {
  assertGolden('bootstrap.json', sidecarBootstrap({ name: 'sidecar', systemNamespace: 'lab-sidecar-system' }));
});

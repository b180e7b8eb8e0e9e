import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MeshObjects, meshOf } from './mesh.ts';

const pod = (name: string, app: string, more: object = {}): MeshObjects['pods'][number] => ({
  metadata: { name, labels: { app }, annotations: { enrolled: 'yes' } },
  spec: { serviceAccountName: app, containers: [{ name: 'app', ports: [{ name: 'web', containerPort: 9090 }] }] },
  status: { phase: 'Running' },
  ...more,
});

const hasProxy = ({ metadata }: MeshObjects['pods'][number]) => metadata?.annotations?.enrolled !== undefined;

const objects: MeshObjects = {
  namespace: 'n',
  services: [
    {
      metadata: { name: 'workload', annotations: { 'lab.dataplane/plaintext-ports': '82, 83' } },
      spec: {
        clusterIP: '10.96.0.9',
        selector: { app: 'workload' },
        ports: [
          { name: 'l4', port: 80, targetPort: 8080, appProtocol: 'tcp' },
          { name: 'l7', port: 81, targetPort: 'web', appProtocol: 'http' },
          { name: 'plain', port: 82, targetPort: 8082 },
          { name: 'dns', port: 53, protocol: 'UDP' },
        ],
      },
    },
    {
      metadata: { name: 'headless' },
      spec: { clusterIP: 'None', selector: { app: 'workload' }, ports: [{ port: 1 }] },
    },
    { metadata: { name: 'manual' }, spec: { clusterIP: '10.96.0.10', ports: [{ port: 1 }] } },
  ],
  slices: [
    {
      addressType: 'IPv4',
      metadata: { name: 'workload-a', labels: { 'kubernetes.io/service-name': 'workload' } },
      ports: [
        { name: 'l4', port: 8080 },
        { name: 'l7', port: 9090 },
      ],
      endpoints: [
        { addresses: ['10.244.1.9'], conditions: { ready: true } },
        { addresses: ['10.244.1.3'], conditions: { ready: true } },
        { addresses: ['10.244.1.4'], conditions: { ready: false } },
      ],
    },
  ],
  pods: [
    pod('w-1', 'workload'),
    pod('w-2', 'workload'),
    pod('g-1', 'generator'),
    pod('done', 'workload', { status: { phase: 'Succeeded' } }),
    { ...pod('bare', 'generator'), metadata: { name: 'bare' } },
  ],
};

test('Service ports become outbound ports with mode, identities and ready endpoints', () => {
  const { outbound } = meshOf(objects, hasProxy);
  const ports = outbound.filter(({ service }) => service === 'workload');
  assert.deepEqual(
    ports.map(({ port, profile, encryption }) => [port, profile, encryption]),
    [
      [80, 'l4', 'mtls'],
      [81, 'l7', 'mtls'],
      [82, 'l4', 'none'],
    ],
  );
  assert.deepEqual(ports[0]?.serviceAccounts, ['workload']);
  assert.deepEqual(ports[0]?.endpoints, [
    { address: '10.244.1.3', port: 8080 },
    { address: '10.244.1.9', port: 8080 },
  ]);
  assert.deepEqual(ports[1]?.endpoints[0], { address: '10.244.1.3', port: 9090 });
  assert.deepEqual(ports[2]?.endpoints, []);
});

test('a Service without an address of its own is none of the mesh; one without a selector has nobody behind it', () => {
  const { outbound } = meshOf(objects, hasProxy);
  assert.equal(
    outbound.some(({ service }) => service === 'headless'),
    false,
  );
  assert.deepEqual(outbound.find(({ service }) => service === 'manual')?.serviceAccounts, []);
});

test('pods with a proxy are told apart, with the ports on which Services reach them, ready or not', () => {
  const { proxies } = meshOf(objects, hasProxy);
  assert.deepEqual([...proxies.keys()], ['w-1', 'w-2', 'g-1']);
  assert.deepEqual(proxies.get('w-1'), {
    serviceAccount: 'workload',
    inbound: [
      { profile: 'l4', encryption: 'mtls', port: 8080 },
      { profile: 'l7', encryption: 'mtls', port: 9090 },
      { profile: 'l4', encryption: 'none', port: 8082 },
    ],
  });
  assert.deepEqual(proxies.get('g-1')?.inbound, []);
});

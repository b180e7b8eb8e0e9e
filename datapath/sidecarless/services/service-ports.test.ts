import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import type { PodFacts } from '../cluster/pod-facts.ts';
import { hostPorts, type ServicePort, servicePorts } from './service-ports.ts';

const nodes = [
  { name: 'one', addresses: ['172.30.0.11', 'fd00::11'], externalAddresses: [], podCidrs: [] },
  { name: 'two', addresses: ['172.30.0.12'], externalAddresses: [], podCidrs: [] },
];
const places = { ownNode: 'one', nodes };

const slice: V1EndpointSlice = {
  addressType: 'IPv4',
  ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.1.5'], nodeName: 'one', conditions: { ready: true } },
    { addresses: ['10.244.2.5'], nodeName: 'two', conditions: { ready: true } },
  ],
};

function service(spec: V1Service['spec'] = {}): V1Service {
  return {
    spec: { clusterIPs: ['10.96.0.9'], ports: [{ name: 'web', port: 80, targetPort: 8080, nodePort: 30080 }], ...spec },
  };
}

/** Frontends with the addresses of their backends. */
function brief(ports: readonly ServicePort[]): Record<string, string[]> {
  return Object.fromEntries(
    ports.map(({ address, port, chosen }) => [`${address} ${port}`, chosen.map((backend) => backend.address)]),
  );
}

const both = ['10.244.1.5', '10.244.2.5'];

test('a NodePort is at every address of every node, of either family', () => {
  assert.deepEqual(brief(servicePorts(service(), [slice], places)), {
    '10.96.0.9 80': both,
    '172.30.0.11 30080': both,
    'fd00::11 30080': [],
    '172.30.0.12 30080': both,
  });
});

test('what a load balancer has for a service is the service’s, unless that answers by itself', () => {
  const ingress = [
    { ip: '192.0.2.7' },
    { ip: '192.0.2.8', ipMode: 'VIP' },
    { ip: '192.0.2.9', ipMode: 'Proxy' },
    { hostname: 'lb' },
  ];
  const balanced = { ...service({ ports: [{ name: 'web', port: 80 }] }), status: { loadBalancer: { ingress } } };
  assert.deepEqual(brief(servicePorts(balanced, [slice], places)), {
    '10.96.0.9 80': both,
    '192.0.2.7 80': both,
    '192.0.2.8 80': both,
  });
});

test('without one there is the service’s own address alone', () => {
  const plain = service({ ports: [{ name: 'web', port: 80 }] });
  assert.deepEqual(brief(servicePorts(plain, [slice], places)), { '10.96.0.9 80': both });
});

test('with the external policy Local another node’s address leads to its pods, and the own one to any', () => {
  const found = brief(servicePorts(service({ externalTrafficPolicy: 'Local' }), [slice], places));
  assert.deepEqual(found['172.30.0.11 30080'], both);
  assert.deepEqual(found['172.30.0.12 30080'], ['10.244.2.5']);
});

test('the internal policy Local says nothing of NodePorts', () => {
  const found = brief(servicePorts(service({ internalTrafficPolicy: 'Local' }), [slice], places));
  assert.deepEqual(found['10.96.0.9 80'], ['10.244.1.5']);
  assert.deepEqual(found['172.30.0.12 30080'], both);
});

const pod: PodFacts = {
  namespace: 'default',
  name: 'web',
  uid: '1',
  node: 'two',
  addresses: ['10.244.2.5', 'fd00:244:2::5'],
  labels: {},
  namedPorts: [],
  shortcut: true,
  workload: { kind: 'Pod', name: 'web' },
  hostPorts: [{ hostAddress: null, hostPort: 8085, port: 8080, protocol: 6 }],
};

test('a host port is at the addresses of the pod’s own node, in its families', () => {
  assert.deepEqual(brief(hostPorts(pod, nodes)), { '172.30.0.12 8085': ['10.244.2.5'] });
  assert.deepEqual(brief(hostPorts({ ...pod, node: 'one' }, nodes)), {
    '172.30.0.11 8085': ['10.244.2.5'],
    'fd00::11 8085': ['fd00:244:2::5'],
  });
  assert.deepEqual(hostPorts({ ...pod, node: 'unknown' }, nodes), []);
});

test('a host port of one address is there only, and nowhere if that is not its node’s', () => {
  const at = (hostAddress: string): PodFacts => ({
    ...pod,
    node: 'one',
    hostPorts: [{ hostAddress, hostPort: 8085, port: 8080, protocol: 17 }],
  });
  assert.deepEqual(brief(hostPorts(at('fd00::11'), nodes)), { 'fd00::11 8085': ['fd00:244:2::5'] });
  assert.deepEqual(hostPorts(at('127.0.0.1'), nodes), []);
});

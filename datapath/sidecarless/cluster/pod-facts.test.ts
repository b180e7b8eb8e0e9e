import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';
import { podFacts } from './pod-facts.ts';

const namespace = { metadata: { name: 'shop' } };
const spec: V1PodSpec = {
  nodeName: 'node-1',
  containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 8080, hostPort: 80 }, { containerPort: 9090 }] }],
  initContainers: [
    { name: 'prepare', ports: [{ name: 'http', containerPort: 9999, hostPort: 99 }] },
    {
      name: 'proxy',
      restartPolicy: 'Always',
      ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP', hostIP: '0.0.0.0' }],
    },
  ],
};
const status = { phase: 'Running', podIPs: [{ ip: '10.0.0.2' }, { ip: 'fd00::2' }] };

test('a pod that runs has its addresses and the ports of its containers, but of those that end before', () => {
  const { addresses, namedPorts, hostPorts } = factsOf({ spec, status });
  assert.deepEqual(addresses, ['10.0.0.2', 'fd00::2']);
  assert.deepEqual(namedPorts, [
    { name: 'http', protocol: 6, port: 8080 },
    { name: 'dns', protocol: 17, port: 53 },
  ]);
  assert.deepEqual(hostPorts, [{ hostAddress: null, hostPort: 80, port: 8080, protocol: 6 }]);
});

test('one that has no address yet has its ports', () => {
  const { addresses, namedPorts } = factsOf({ spec, status: { phase: 'Pending' } });
  assert.deepEqual([addresses, namedPorts.length], [[], 2]);
});

for (const [what, pod] of [
  ['that has succeeded', { spec, status: { ...status, phase: 'Succeeded' } }],
  ['that has failed', { spec, status: { ...status, phase: 'Failed' } }],
  ['in its node’s network', { spec: { ...spec, hostNetwork: true }, status }],
] as const) {
  test(`one ${what} has neither: what its addresses and ports would stand for is another’s`, () => {
    const { addresses, namedPorts, hostPorts } = factsOf(pod);
    assert.deepEqual([addresses, namedPorts, hostPorts], [[], [], []]);
  });
}

function factsOf(pod: V1Pod): ReturnType<typeof podFacts> {
  return podFacts({ metadata: { namespace: 'shop', name: 'web', uid: 'u' }, ...pod }, namespace);
}

for (const [owner, labels, workload] of [
  [undefined, {}, 'Pod web'],
  [{ kind: 'ReplicaSet', name: 'shop-web-7d4b9' }, { 'pod-template-hash': '7d4b9' }, 'Deployment shop-web'],
  [{ kind: 'ReplicaSet', name: 'shop-web' }, {}, 'ReplicaSet shop-web'],
  [{ kind: 'StatefulSet', name: 'db' }, {}, 'StatefulSet db'],
  [{ kind: 'Job', name: 'backup-29384756' }, {}, 'CronJob backup'],
  [{ kind: 'Job', name: 'backup' }, {}, 'Job backup'],
] as const) {
  test(`a pod of ${owner === undefined ? 'nobody' : `${owner.kind} ${owner.name}`} is one of ${workload}`, () => {
    const ownerReferences = owner && [{ ...owner, apiVersion: 'v1', uid: 'o', controller: true }];
    const { workload: found } = podFacts(
      { metadata: { name: 'web', labels, ...(ownerReferences && { ownerReferences }) } },
      namespace,
    );
    assert.equal(`${found.kind} ${found.name}`, workload);
  });
}

import type { V1Pod, V1PodList, V1Service } from '@kubernetes/client-node';
import { baseNetworkObjects, installBaseNetwork, removeBaseNetwork } from '../base-network/base-network.ts';
import { dnatConnections, linkBytes } from '../base-network/node-counters.ts';
import { baseNetworkImages, baseNetworkPrograms } from '../base-network/programs.ts';
import { serviceRulesReady } from '../base-network/service-rules.ts';
import type { DataPlane, DataPlaneContext, Evidence, TestCase } from '../data-plane.ts';
import { runOnNode } from '../node-command.ts';

const modes = [{ profile: 'l4', encryption: 'none', variant: null }] as const;

/** Kubernetes as it comes, with no mesh at all: the baseline that every other data plane is compared with. */
export const none: DataPlane = {
  id: 'none',
  summary: 'veth and the real kube-proxy (iptables): Kubernetes as it comes, the baseline',
  modes,
  caveats: () => [],
  supports: ({ profile, encryption }) => {
    if (profile === 'l7') return { supported: false, reason: 'without a proxy nobody looks at HTTP' };
    if (encryption !== 'none') return { supported: false, reason: 'without a proxy nobody encrypts' };
    return { supported: true };
  },
  programs: baseNetworkPrograms,
  images: baseNetworkImages,
  objects: baseNetworkObjects,
  install: installBaseNetwork,
  enroll: (template) => template,
  ready: serviceRulesReady,
  evidence: readEvidence,
  expected: ({ placement }, { connections, bytesSent, bytesReceived }) => [
    {
      counter: 'kube-proxy/connections',
      claim: "every connection to the Service was translated by kube-proxy on the generator's node",
      exactly: connections,
    },
    ...(placement === 'cross-node'
      ? [
          {
            counter: 'node-link/bytes-sent',
            claim: "what was sent left the generator's node by its link",
            atLeast: bytesSent,
          },
          {
            counter: 'node-link/bytes-received',
            claim: 'what was received came in by that link',
            atLeast: bytesReceived,
          },
        ]
      : [
          {
            counter: 'workload-veth/bytes-sent',
            claim: "what was sent went into the workload's veth",
            atLeast: bytesSent,
          },
          {
            counter: 'workload-veth/bytes-received',
            claim: 'what was received came out of that veth',
            atLeast: bytesReceived,
          },
        ]),
  ],
  clientAddress: (_testCase, generator) => generator.status?.podIP ?? '',
  role: (_pod, container) => (container === 'kube-proxy' ? 'control' : null),
  remove: removeBaseNetwork,
};

async function readEvidence({ kube, signal }: DataPlaneContext, testCase: TestCase): Promise<Evidence> {
  const { pool, placement, port } = testCase;
  const namespace = pool.namespace;
  const [service, pods] = await Promise.all([
    kube.json<V1Service>('GET', `/api/v1/namespaces/${namespace}/services/workload`, { signal }),
    kube.json<V1PodList>('GET', `/api/v1/namespaces/${namespace}/pods`, {
      query: { labelSelector: 'lab.role=workload' },
      signal,
    }),
  ]);
  const workload = (pods.items as V1Pod[])[0]?.status?.podIP ?? '';
  const portName = service.spec?.ports?.find((candidate) => candidate.port === port)?.name ?? '';
  const servicePort = `${namespace}/workload:${portName}`;
  const output = await runOnNode(
    { kube, signal },
    {
      namespace: pool.systemNamespace,
      node: placement === 'cross-node' ? pool.nodes[0] : pool.nodes[1],
      script: [
        // With thousands of Services the whole table is more than a container's log holds.
        `echo rules; iptables-save -c -t nat | { grep -F '"${servicePort} -> ' || :; }`,
        `echo; ip -j -s link; echo; ip -j route get ${workload}`,
      ].join('\n'),
    },
  );
  const [rules = '', links = '', route = ''] = output.split('\n\n');
  const connections = dnatConnections(rules, servicePort);
  if (placement === 'cross-node') {
    const bytes = linkBytes(links, 'eth0');
    return {
      'kube-proxy/connections': connections,
      'node-link/bytes-sent': bytes.sent,
      'node-link/bytes-received': bytes.received,
    };
  }
  const [{ dev }] = JSON.parse(route) as [{ dev: string }];
  const bytes = linkBytes(links, dev);
  return {
    'kube-proxy/connections': connections,
    'workload-veth/bytes-sent': bytes.sent,
    'workload-veth/bytes-received': bytes.received,
  };
}

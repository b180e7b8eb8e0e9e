import { nodeServerPort } from './addresses.ts';
import { client, clients, type Documents, everyPod } from './documents.ts';
import { echo, echoPods, notLetIn, notLetOut, type Row, reached, refused } from './row.ts';

const onNode = `${nodeServerPort}/TCP` as const;
const onNodeUdp = `${nodeServerPort}/UDP` as const;

/** What may talk to what where nothing is said, or everything but the world is allowed. */
export function noPolicyRows({ cilium }: Documents): Row[] {
  return [
    {
      name: 'no-policies: pod to pod and to service',
      policies: [],
      attempts: [
        ...reached('client', echo, '8080/TCP', '8080/UDP'),
        ...reached('client2', echo, '8081/TCP', '8081/UDP'),
        ...reached('client', [...echoPods, 'client2', 'distant'], 'ICMP'),
        ...reached('client', ['client2', 'stranger', 'distant'], '8080/TCP'),
        ...refused('client', echoPods, '8099/TCP', '8099/UDP'),
      ],
    },
    {
      name: 'no-policies: to itself, by its address and by a service',
      policies: [],
      attempts: reached('client', ['itself', 'itself-by-service'], '8080/TCP', '8080/UDP'),
    },
    {
      name: 'no-policies: to the world and to another address there',
      policies: [],
      attempts: [
        ...reached('client', ['world', 'other-world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...refused('client', ['world'], '8099/TCP', '8099/UDP'),
      ],
    },
    {
      name: 'no-policies: datagrams in fragments',
      policies: [],
      attempts: [
        ...reached('client', [...echo, 'node-port', 'distant', 'world'], '8080/UDP in fragments'),
        ...reached('client', ['node', 'far-node'], `${onNodeUdp} in fragments`),
        ...reached('host', echoPods, '8080/UDP in fragments'),
        ...reached('world', echoPods, '8080/UDP in fragments'),
      ],
    },
    {
      name: 'no-policies: to a node and from a node',
      policies: [],
      attempts: [
        ...reached('client', ['node', 'far-node'], onNode, onNodeUdp, 'ICMP'),
        ...refused('client', ['node', 'far-node'], '8099/TCP', '8099/UDP'),
        ...reached('host', echo, '8080/TCP', '8080/UDP'),
        ...reached('host', echoPods, 'ICMP'),
        ...reached('far-host', echo, '8080/TCP'),
      ],
    },
    {
      name: 'no-policies: by host port',
      policies: [],
      attempts: [
        ...reached('client', ['host-port', 'far-host-port'], '8080/TCP'),
        ...reached('host', ['host-port', 'far-host-port'], '8080/TCP'),
      ],
    },
    {
      name: 'no-policies-extra: by local and remote NodePort',
      policies: [],
      attempts: [
        ...reached('client', ['node-port', 'far-node-port'], '8080/TCP', '8081/TCP', '8080/UDP'),
        ...reached('host', ['node-port', 'far-node-port'], '8080/TCP', '8080/UDP'),
        ...reached('far-host', ['node-port', 'far-node-port'], '8080/TCP', '8080/UDP'),
      ],
    },
    {
      name: 'no-policies-from-outside',
      policies: [],
      attempts: reached('world', echoPods, '8080/TCP', '8080/UDP', 'ICMP'),
    },
    {
      name: 'no-policies: to the API server',
      policies: [],
      attempts: [
        ...reached('client', ['control-plane', 'kubernetes'], '6443/TCP'),
        ...reached('client', ['control-plane'], 'ICMP'),
      ],
    },
    {
      name: 'allow-all-except-world',
      policies: [
        cilium('allow-all-except-world', {
          endpointSelector: everyPod,
          egress: [{ toEntities: ['cluster'] }],
          ingress: [{ fromEntities: ['cluster'] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP', '8080/UDP'),
        ...reached('client', ['client2', 'distant'], '8080/TCP'),
        ...reached('client', echoPods, 'ICMP'),
        ...reached('client', ['node', 'far-node'], onNode),
        ...reached('client', ['node-port', 'far-node-port', 'host-port'], '8080/TCP'),
        ...reached('stranger', echo, '8080/TCP'),
        ...reached('host', echoPods, '8080/TCP'),
        ...reached('far-host', echoPods, '8080/TCP'),
        ...notLetOut('client', ['world', 'other-world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('world', echoPods, '8080/TCP', '8080/UDP', 'ICMP'),
      ],
    },
    {
      name: 'a policy without rules for a direction leaves that one alone',
      policies: [cilium('ingress-only', { endpointSelector: clients, ingress: [{ fromEndpoints: [client] }] })],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...reached('client', ['world'], '8080/TCP', 'ICMP'),
        // The answer that there is no server comes back in by what asked.
        ...refused('client', echoPods, '8099/TCP', '8099/UDP'),
        ...notLetIn('client2', ['client'], '8080/TCP'),
      ],
    },
  ];
}

import { client, client2, type Documents, echoRequests, ports, servers } from './documents.ts';
import { echo, notLetIn, type Row, reached } from './row.ts';

const byNodePorts = ['node-port', 'far-node-port'] as const;
const byHostPorts = ['host-port', 'far-host-port'] as const;

/** Who may reach clients and servers, by rules of theirs. */
export function ingressRows({ cilium, kubernetes }: Documents): Row[] {
  return [
    {
      name: 'client-ingress',
      policies: [cilium('client-ingress', { endpointSelector: client, ingress: [{ fromEndpoints: [client2] }] })],
      attempts: [
        ...reached('client2', ['client'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('stranger', ['client'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('far-host', ['client'], '8080/TCP'),
        ...reached('stranger', ['client2'], '8080/TCP'),
      ],
    },
    {
      name: 'client-ingress-knp',
      policies: [
        kubernetes('client-ingress', { podSelector: client, ingress: [{ from: [{ podSelector: client2 }] }] }),
      ],
      attempts: [
        ...reached('client2', ['client'], '8080/TCP', 'ICMP'),
        ...notLetIn('stranger', ['client'], '8080/TCP', 'ICMP'),
      ],
    },
    {
      name: 'client-ingress-icmp',
      policies: [
        cilium('client-ingress-icmp', {
          endpointSelector: client,
          ingress: [{ fromEndpoints: [client2], icmps: echoRequests }],
        }),
      ],
      attempts: [
        ...reached('client2', ['client'], 'ICMP'),
        ...notLetIn('client2', ['client'], '8080/TCP', '8080/UDP'),
        ...notLetIn('stranger', ['client'], 'ICMP'),
      ],
    },
    {
      name: 'echo-ingress',
      policies: [
        cilium('echo-ingress', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [client], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...reached('client', [...echo, ...byNodePorts, ...byHostPorts], '8080/TCP'),
        ...notLetIn('client2', [...echo, ...byNodePorts, ...byHostPorts], '8080/TCP'),
        ...notLetIn('client', echo, '8081/TCP', '8080/UDP'),
        ...notLetIn('stranger', echo, '8080/TCP'),
        // A node reaches its own pods, as kubelet's probes must, and only those.
        ...reached('host', ['near'], '8081/TCP'),
        ...notLetIn('host', ['far'], '8081/TCP'),
      ],
    },
    {
      name: 'echo-ingress-knp: by the port’s name',
      policies: [
        kubernetes('echo-ingress', {
          podSelector: servers,
          ingress: [{ from: [{ podSelector: client }], ports: [{ port: 'web', protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...notLetIn('client2', echo, '8080/TCP'),
        ...notLetIn('client', echo, '8081/TCP'),
      ],
    },
    {
      name: 'echo-ingress: UDP only',
      policies: [
        cilium('echo-ingress-udp', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [client], toPorts: [ports('8080', 'UDP')] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/UDP'),
        ...notLetIn('client', echo, '8081/UDP', '8080/TCP'),
        ...notLetIn('client2', echo, '8080/UDP'),
      ],
    },
  ];
}

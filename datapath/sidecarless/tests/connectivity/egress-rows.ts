import { client, clients, type Documents, echoRequests, ports, servers } from './documents.ts';
import { echo, echoPods, notLetOut, type Row, reached } from './row.ts';

const byNodePorts = ['node-port', 'far-node-port'] as const;
const byHostPorts = ['host-port', 'far-host-port'] as const;

/** What clients may reach, by rules of theirs. */
export function egressRows({ cilium, kubernetes }: Documents): Row[] {
  return [
    {
      name: 'client-egress',
      policies: [
        cilium('client-egress', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...reached('client', [...echo, ...byNodePorts, ...byHostPorts], '8080/TCP'),
        ...notLetOut('client', [...echo, ...byNodePorts], '8081/TCP'),
        ...notLetOut('client', echo, '8080/UDP'),
        ...notLetOut('client', echoPods, 'ICMP'),
        ...notLetOut('client', ['client2', 'distant', 'world'], '8080/TCP'),
        ...reached('client2', echo, '8080/TCP', '8081/TCP', '8080/UDP'),
      ],
    },
    {
      name: 'client-egress-knp',
      policies: [
        kubernetes('client-egress', {
          podSelector: client,
          policyTypes: ['Egress'],
          egress: [{ to: [{ podSelector: servers }], ports: [{ port: 8080, protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...notLetOut('client', echo, '8081/TCP', '8080/UDP'),
        ...reached('client2', echo, '8080/TCP'),
      ],
    },
    {
      name: 'client-egress-expression',
      policies: [
        cilium('client-egress-expression', {
          endpointSelector: clients,
          egress: [{ toEndpoints: [servers], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...reached('client2', echo, '8080/TCP'),
        ...notLetOut('client2', echo, '8081/TCP'),
        ...reached('stranger', echo, '8081/TCP'),
      ],
    },
    {
      name: 'client-egress-expression-knp',
      policies: [
        kubernetes('client-egress-expression', {
          podSelector: clients,
          policyTypes: ['Egress'],
          egress: [{ to: [{ podSelector: servers }], ports: [{ port: 8080, protocol: 'TCP' }] }],
        }),
      ],
      attempts: [...reached('client2', echo, '8080/TCP'), ...notLetOut('client2', echo, '8081/TCP')],
    },
    {
      name: 'client-egress-expression-port-range',
      policies: [
        cilium('client-egress-range', {
          endpointSelector: clients,
          egress: [{ toEndpoints: [servers], toPorts: [ports('8000', 'TCP', 8080)] }],
        }),
      ],
      attempts: [...reached('client', echo, '8080/TCP'), ...notLetOut('client2', echo, '8081/TCP', '8080/UDP')],
    },
    {
      name: 'client-egress-expression-knp-port-range',
      policies: [
        kubernetes('client-egress-range', {
          podSelector: clients,
          policyTypes: ['Egress'],
          egress: [{ to: [{ podSelector: servers }], ports: [{ port: 8000, endPort: 8080, protocol: 'TCP' }] }],
        }),
      ],
      attempts: [...reached('client', echo, '8080/TCP'), ...notLetOut('client2', echo, '8081/TCP')],
    },
    {
      name: 'client-egress: UDP only',
      policies: [
        cilium('client-egress-udp', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], toPorts: [ports('8080', 'UDP')] }],
        }),
      ],
      attempts: [
        ...reached('client', [...echo, ...byNodePorts], '8080/UDP'),
        ...notLetOut('client', echo, '8081/UDP', '8080/TCP'),
      ],
    },
    {
      name: 'client-egress: any protocol',
      policies: [
        cilium('client-egress-any', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], toPorts: [ports('8080', 'ANY')] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP', '8080/UDP'),
        ...notLetOut('client', echo, '8081/TCP', '8081/UDP'),
        ...notLetOut('client', echoPods, 'ICMP'),
      ],
    },
    {
      name: 'client-egress: ICMP only',
      policies: [
        cilium('client-egress-icmp', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], icmps: echoRequests }],
        }),
      ],
      attempts: [
        ...reached('client', echoPods, 'ICMP'),
        ...notLetOut('client', ['distant', 'world', 'node'], 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP', '8080/UDP'),
      ],
    },
  ];
}

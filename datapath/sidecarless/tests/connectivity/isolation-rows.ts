import { nodeServerPort } from './addresses.ts';
import { type Documents, everyPod, ports, servers } from './documents.ts';
import { deniedIn, deniedOut, echo, echoPods, notLetIn, notLetOut, type Row, reached } from './row.ts';

const byNodePorts = ['node-port', 'far-node-port'] as const;
const onNode = `${nodeServerPort}/TCP` as const;
const toAll = { toEntities: ['all'] };

/** Policies that let nothing in, or nothing out. */
export function isolationRows({ cilium, kubernetes }: Documents): Row[] {
  return [
    {
      name: 'all-ingress-deny',
      policies: [
        cilium('all-ingress-deny', {
          endpointSelector: everyPod,
          ingress: [{}],
          ingressDeny: [{ fromEntities: ['all'] }],
        }),
      ],
      attempts: [
        ...deniedIn('client', [...echo, ...byNodePorts], '8080/TCP', '8080/UDP'),
        ...deniedIn('client2', echo, '8081/TCP'),
        ...deniedIn('client', ['client2', ...echoPods], 'ICMP'),
        ...deniedIn('host', ['near'], '8080/TCP'),
        ...reached('client', ['world', 'distant'], '8080/TCP', 'ICMP'),
      ],
    },
    {
      name: 'all-ingress-deny-from-outside',
      policies: [cilium('all-ingress-deny', { endpointSelector: everyPod, ingressDeny: [{ fromEntities: ['all'] }] })],
      attempts: deniedIn('world', echoPods, '8080/TCP', '8080/UDP', 'ICMP'),
    },
    {
      name: 'all-ingress-deny-knp',
      policies: [kubernetes('all-ingress-deny', { podSelector: everyPod, policyTypes: ['Ingress'] })],
      attempts: [
        ...notLetIn('client', [...echo, ...byNodePorts], '8080/TCP', '8080/UDP'),
        ...notLetIn('client', echoPods, 'ICMP'),
        ...notLetIn('world', echoPods, '8080/TCP'),
        ...reached('host', ['near'], '8080/TCP'),
      ],
    },
    {
      name: 'all-egress-deny',
      policies: [cilium('all-egress-deny', { endpointSelector: everyPod, egress: [{}], egressDeny: [toAll] })],
      attempts: [
        ...deniedOut('client', [...echo, ...byNodePorts, 'host-port', 'world'], '8080/TCP'),
        ...deniedOut('client', [...echo, 'world'], '8080/UDP'),
        ...deniedOut('client', [...echoPods, 'node', 'world'], 'ICMP'),
        ...deniedOut('client', ['node', 'far-node'], onNode),
        ...deniedOut('client', ['control-plane', 'kubernetes'], '6443/TCP'),
        ...reached('stranger', echo, '8080/TCP'),
      ],
    },
    {
      name: 'all-egress-deny-knp',
      policies: [kubernetes('all-egress-deny', { podSelector: everyPod, policyTypes: ['Egress'] })],
      attempts: [
        ...notLetOut('client', [...echo, ...byNodePorts, 'world'], '8080/TCP', '8080/UDP'),
        ...notLetOut('client2', [...echoPods, 'node', 'world'], 'ICMP'),
        ...notLetOut('client', ['node'], onNode),
      ],
    },
    {
      name: 'all-entities-deny',
      policies: [
        cilium('all-entities-deny', {
          endpointSelector: everyPod,
          ingressDeny: [{ fromEntities: ['all'] }],
          egressDeny: [toAll],
        }),
      ],
      attempts: [
        ...deniedOut('client', [...echo, 'world', 'distant'], '8080/TCP', '8080/UDP'),
        ...deniedOut('client', ['node', 'world'], 'ICMP'),
        ...deniedIn('stranger', echo, '8080/TCP'),
        ...deniedIn('world', echoPods, '8080/TCP', 'ICMP'),
        ...deniedIn('host', ['near'], '8080/TCP'),
      ],
    },
    {
      name: 'a policy with a field that is not supported allows nothing',
      policies: [
        cilium('with-http', {
          endpointSelector: servers,
          ingress: [
            { fromEndpoints: [everyPod], toPorts: [{ ...ports('8080'), rules: { http: [{ method: 'GET' }] } }] },
          ],
        }),
      ],
      attempts: notLetIn('client', echo, '8080/TCP', '8081/TCP'),
    },
  ];
}

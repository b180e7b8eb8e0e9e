import { otherWorld, world, worldRange } from './addresses.ts';
import {
  client,
  client2,
  clients,
  type Documents,
  echoRequests,
  everyPod,
  ports,
  servers,
  withServiceAccount,
} from './documents.ts';
import { deniedIn, deniedOut, echo, echoPods, notLetOut, type Row, reached } from './row.ts';

const byNodePorts = ['node-port', 'far-node-port'] as const;
const toAll = { toEntities: ['all'] };

/** Rules that deny what others allow. */
export function denyRows({ cilium }: Documents): Row[] {
  const denyClient = (name: string, denial: object): object =>
    cilium(name, { endpointSelector: client, egress: [toAll], egressDeny: [denial] });
  const denyEcho = (name: string, denial: object): object =>
    cilium(name, { endpointSelector: servers, ingress: [{ fromEndpoints: [everyPod] }], ingressDeny: [denial] });
  return [
    {
      name: 'echo-ingress-from-other-client-deny',
      policies: [denyEcho('other-client-deny', { fromEndpoints: [client2] })],
      attempts: [
        ...reached('client', [...echo, ...byNodePorts], '8080/TCP'),
        ...deniedIn('client2', [...echo, ...byNodePorts], '8080/TCP'),
        ...deniedIn('client2', echo, '8080/UDP'),
      ],
    },
    {
      name: 'client-ingress-from-other-client-icmp-deny',
      policies: [
        cilium('icmp-ingress-deny', {
          endpointSelector: client,
          ingress: [{ fromEntities: ['all'] }],
          ingressDeny: [{ fromEndpoints: [client2], icmps: echoRequests }],
        }),
      ],
      attempts: [
        ...deniedIn('client2', ['client'], 'ICMP'),
        ...reached('client2', ['client'], '8080/TCP', '8080/UDP'),
        ...reached('stranger', ['client'], 'ICMP'),
      ],
    },
    {
      name: 'client-egress-to-echo-deny',
      policies: [denyClient('echo-deny', { toEndpoints: [servers], toPorts: [ports('8080')] })],
      attempts: [
        ...deniedOut('client', [...echo, ...byNodePorts, 'host-port'], '8080/TCP'),
        ...reached('client', [...echo, ...byNodePorts], '8081/TCP'),
        ...reached('client', echo, '8080/UDP'),
        ...reached('client2', echo, '8080/TCP'),
      ],
    },
    {
      name: 'client-egress-to-echo-deny: UDP',
      policies: [denyClient('echo-deny-udp', { toEndpoints: [servers], toPorts: [ports('8080', 'UDP')] })],
      attempts: [...deniedOut('client', echo, '8080/UDP'), ...reached('client', echo, '8080/TCP', '8081/UDP')],
    },
    {
      name: 'client-egress-to-echo-deny-port-range',
      policies: [denyClient('echo-deny-range', { toEndpoints: [servers], toPorts: [ports('8081', 'TCP', 9000)] })],
      attempts: [...deniedOut('client', echo, '8081/TCP'), ...reached('client', echo, '8080/TCP')],
    },
    {
      name: 'client-egress-to-echo-expression-deny',
      policies: [
        cilium('expression-deny', {
          endpointSelector: clients,
          egress: [toAll],
          egressDeny: [{ toEndpoints: [servers], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...deniedOut('client', echo, '8080/TCP'),
        ...deniedOut('client2', echo, '8080/TCP'),
        ...reached('client2', echo, '8081/TCP'),
      ],
    },
    {
      name: 'client-with-service-account-egress-to-echo-deny',
      policies: [
        cilium('account-deny', {
          endpointSelector: withServiceAccount('asker'),
          egress: [toAll],
          egressDeny: [{ toEndpoints: [servers], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [...deniedOut('client', echo, '8080/TCP'), ...reached('client2', echo, '8080/TCP')],
    },
    {
      name: 'client-egress-to-echo-service-account-deny',
      policies: [denyClient('to-account-deny', { toEndpoints: [withServiceAccount('answerer')] })],
      attempts: [
        ...deniedOut('client', echo, '8080/TCP', '8080/UDP'),
        ...reached('client', ['client2', 'distant'], '8080/TCP'),
      ],
    },
    {
      name: 'client-egress-to-cidr-deny',
      policies: [
        cilium('cidr-deny', {
          endpointSelector: client,
          egress: [{ toEntities: ['all'] }],
          egressDeny: [{ toCIDRSet: [{ cidr: worldRange, except: [`${otherWorld}/32`] }] }],
        }),
      ],
      attempts: [
        ...deniedOut('client', ['world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...reached('client', ['other-world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...reached('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'client-egress-to-cidr-deny-default',
      policies: [
        cilium('cidr-deny-default', {
          endpointSelector: client,
          egress: [{ toCIDR: [worldRange] }],
          egressDeny: [{ toCIDR: [`${world}/32`] }],
        }),
      ],
      attempts: [
        ...deniedOut('client', ['world'], '8080/TCP', 'ICMP'),
        ...reached('client', ['other-world'], '8080/TCP', 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'client-ingress-to-echo-named-port-deny',
      policies: [denyEcho('named-deny', { fromEndpoints: [client], toPorts: [ports('web')] })],
      attempts: [
        ...deniedIn('client', echo, '8080/TCP'),
        ...reached('client', echo, '8081/TCP'),
        ...reached('client2', echo, '8080/TCP'),
      ],
    },
    {
      name: 'icmp-deny',
      policies: [denyClient('icmp-deny', { toEntities: ['all'], icmps: echoRequests })],
      attempts: [
        ...deniedOut('client', [...echoPods, 'node', 'world'], 'ICMP'),
        ...reached('client', echo, '8080/TCP', '8080/UDP'),
        ...reached('client2', echoPods, 'ICMP'),
      ],
    },
    {
      name: 'host-entity deny: a denial outdoes a node’s right to its own pods',
      policies: [
        cilium('host-deny', {
          endpointSelector: servers,
          ingress: [{ fromEntities: ['all'] }],
          ingressDeny: [{ fromEntities: ['host'] }],
        }),
      ],
      attempts: [
        ...deniedIn('host', ['near'], '8080/TCP', 'ICMP'),
        ...reached('host', ['far'], '8080/TCP'),
        ...reached('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'a denial without default deny leaves the rest alone',
      policies: [
        cilium('only-deny', {
          endpointSelector: client,
          enableDefaultDeny: { egress: false },
          egressDeny: [{ toEndpoints: [client2] }],
        }),
      ],
      attempts: [
        ...deniedOut('client', ['client2'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...reached('client', [...echo, 'world'], '8080/TCP'),
      ],
    },
  ];
}

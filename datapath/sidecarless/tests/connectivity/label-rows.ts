import { client, type Documents, everyPod, podsOf, ports, servers, withServiceAccount } from './documents.ts';
import { echo, notLetIn, notLetOut, type Row, reached } from './row.ts';

/** Rules by what the cluster itself says of pods: accounts and namespaces. `elsewhere` is the strangers'. */
export function labelRows({ cilium, clusterwide }: Documents, own: string, elsewhere: string): Row[] {
  return [
    {
      name: 'client-with-service-account-egress-to-echo',
      policies: [
        cilium('from-account', {
          endpointSelector: withServiceAccount('asker'),
          egress: [{ toEndpoints: [servers], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...notLetOut('client', echo, '8081/TCP'),
        ...reached('client2', echo, '8081/TCP'),
      ],
    },
    {
      name: 'with-service-account-egress-to-echo',
      policies: [
        cilium('to-account', {
          endpointSelector: client,
          egress: [{ toEndpoints: [withServiceAccount('answerer')], toPorts: [ports('8080')] }],
        }),
      ],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...notLetOut('client', ['client2'], '8080/TCP'),
        ...notLetOut('client', echo, '8081/TCP'),
      ],
    },
    {
      name: 'policy-local-cluster-egress',
      policies: [
        cilium('local-cluster', {
          endpointSelector: client,
          egress: [{ toEndpoints: [{ matchLabels: { 'io.cilium.k8s.policy.cluster': 'default' } }] }],
        }),
      ],
      attempts: [...reached('client', echo, '8080/TCP'), ...notLetOut('client', ['world', 'node'], 'ICMP')],
    },
    {
      name: 'ingress-from-specific-namespace-ccnp',
      policies: [
        clusterwide('from-namespace', {
          endpointSelector: podsOf(own, { app: 'near' }),
          ingress: [{ fromEndpoints: [podsOf(elsewhere)] }],
        }),
      ],
      attempts: [
        ...reached('stranger', ['near', 'far'], '8080/TCP'),
        ...notLetIn('client', ['near'], '8080/TCP'),
        ...reached('client', ['far'], '8080/TCP'),
      ],
    },
    {
      name: 'egress-to-specific-namespace-ccnp',
      policies: [
        clusterwide('to-namespace', {
          endpointSelector: podsOf(own, { app: 'client' }),
          egress: [{ toEndpoints: [podsOf(elsewhere)] }],
        }),
      ],
      attempts: [
        ...reached('client', ['stranger', 'distant'], '8080/TCP'),
        ...notLetOut('client', echo, '8080/TCP'),
        ...reached('client2', echo, '8080/TCP'),
      ],
    },
    {
      name: 'a selector without a namespace means the policy’s own',
      policies: [cilium('own-namespace', { endpointSelector: servers, ingress: [{ fromEndpoints: [everyPod] }] })],
      attempts: [...reached('client', echo, '8080/TCP'), ...notLetIn('stranger', echo, '8080/TCP')],
    },
  ];
}

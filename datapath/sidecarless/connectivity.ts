/*
 * What may talk to what under which policies: the rows of the connectivity matrix. Pods are `client` and `client2` on the
 * first node, `near` on the same one and `far` on the other; the servers listen on 8080 and 8081, and 8080 is named `web`.
 */

/** How an attempt must end: `reached`, or where and by what it must have been dropped. */
export type Outcome =
  | 'reached'
  | 'default deny at egress'
  | 'default deny at ingress'
  | 'denied at egress'
  | 'denied at ingress';

export type Attempt = {
  from: 'client' | 'client2' | 'node';
  to: 'near' | 'far' | 'service' | 'itself' | 'node';
  port: number;
  outcome: Outcome;
};

export type ConnectivityRow = { name: string; policies: readonly object[]; attempts: readonly Attempt[] };

export function connectivityRows(namespace: string): ConnectivityRow[] {
  const cilium = (name: string, spec: object): object => ({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const clusterwide = (name: string, spec: object): object => ({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumClusterwideNetworkPolicy',
    metadata: { name },
    spec,
  });
  const kubernetes = (name: string, spec: object): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const client = { matchLabels: { app: 'client' } };
  const clients = { matchExpressions: [{ key: 'app', operator: 'In', values: ['client', 'client2'] }] };
  const servers = { matchExpressions: [{ key: 'app', operator: 'In', values: ['near', 'far'] }] };
  const tcp = (port: string, endPort?: number): object => ({
    ports: [{ port, protocol: 'TCP', ...(endPort === undefined ? {} : { endPort }) }],
  });
  const every = (outcome: Outcome, from: Attempt['from'] = 'client', port = 8080): Attempt[] =>
    (['near', 'far', 'service'] as const).map((to) => ({ from, to, port, outcome }));

  return [
    {
      name: 'no policies',
      policies: [],
      attempts: [
        ...every('reached'),
        ...every('reached', 'client2', 8081),
        { from: 'client', to: 'itself', port: 8080, outcome: 'reached' },
        { from: 'client', to: 'node', port: 9964, outcome: 'reached' },
        { from: 'node', to: 'near', port: 8080, outcome: 'reached' },
      ],
    },
    {
      name: 'client-egress',
      policies: [
        cilium('client-egress', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], toPorts: [tcp('8080')] }],
        }),
      ],
      attempts: [
        ...every('reached'),
        ...every('default deny at egress', 'client', 8081),
        ...every('reached', 'client2'),
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
        ...every('reached'),
        ...every('default deny at egress', 'client', 8081),
        ...every('reached', 'client2'),
      ],
    },
    {
      name: 'client-egress-expression-port-range',
      policies: [
        cilium('client-egress-range', {
          endpointSelector: clients,
          egress: [{ toEndpoints: [servers], toPorts: [tcp('8000', 8080)] }],
        }),
      ],
      attempts: [...every('reached'), ...every('default deny at egress', 'client2', 8081)],
    },
    {
      name: 'echo-ingress',
      policies: [
        cilium('echo-ingress', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [client], toPorts: [tcp('8080')] }],
        }),
      ],
      attempts: [
        ...every('reached'),
        ...every('default deny at ingress', 'client2'),
        ...every('default deny at ingress', 'client', 8081),
        // A node reaches its own pods, as kubelet's probes must.
        { from: 'node', to: 'near', port: 8081, outcome: 'reached' },
      ],
    },
    {
      name: 'echo-ingress-knp',
      policies: [
        kubernetes('echo-ingress', {
          podSelector: servers,
          ingress: [{ from: [{ podSelector: client }], ports: [{ port: 'web', protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...every('reached'),
        ...every('default deny at ingress', 'client2'),
        ...every('default deny at ingress', 'client', 8081),
      ],
    },
    {
      name: 'all-ingress-deny',
      policies: [
        cilium('all-ingress-deny', { endpointSelector: {}, ingress: [{}], ingressDeny: [{ fromEntities: ['all'] }] }),
      ],
      attempts: [...every('denied at ingress'), ...every('denied at ingress', 'client2', 8081)],
    },
    {
      name: 'all-ingress-deny-knp',
      policies: [kubernetes('all-ingress-deny', { podSelector: {}, policyTypes: ['Ingress'] })],
      attempts: [...every('default deny at ingress'), { from: 'node', to: 'near', port: 8080, outcome: 'reached' }],
    },
    {
      name: 'all-egress-deny',
      policies: [
        cilium('all-egress-deny', { endpointSelector: {}, egress: [{}], egressDeny: [{ toEntities: ['all'] }] }),
      ],
      attempts: [...every('denied at egress'), { from: 'client', to: 'node', port: 9964, outcome: 'denied at egress' }],
    },
    {
      name: 'all-egress-deny-knp',
      policies: [kubernetes('all-egress-deny', { podSelector: {}, policyTypes: ['Egress'] })],
      attempts: [...every('default deny at egress', 'client2')],
    },
    {
      name: 'cluster-entity',
      policies: [cilium('cluster-entity', { endpointSelector: client, egress: [{ toEntities: ['cluster'] }] })],
      attempts: [...every('reached'), { from: 'client', to: 'node', port: 9964, outcome: 'reached' }],
    },
    {
      name: 'host-entity-egress',
      policies: [cilium('host-entity', { endpointSelector: client, egress: [{ toEntities: ['host'] }] })],
      attempts: [{ from: 'client', to: 'node', port: 9964, outcome: 'reached' }, ...every('default deny at egress')],
    },
    {
      name: 'to-entities-world',
      policies: [cilium('to-world', { endpointSelector: client, egress: [{ toEntities: ['world'] }] })],
      attempts: every('default deny at egress'),
    },
    {
      name: 'to-cidr does not mean pods',
      policies: [cilium('to-cidr', { endpointSelector: client, egress: [{ toCIDR: ['10.0.0.0/8'] }] })],
      attempts: every('default deny at egress'),
    },
    {
      name: 'echo-ingress-from-other-client-deny',
      policies: [
        cilium('other-client-deny', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [{}] }],
          ingressDeny: [{ fromEndpoints: [{ matchLabels: { app: 'client2' } }] }],
        }),
      ],
      attempts: [...every('reached'), ...every('denied at ingress', 'client2')],
    },
    {
      name: 'client-egress-to-echo-deny',
      policies: [
        cilium('echo-deny', {
          endpointSelector: client,
          egress: [{ toEntities: ['all'] }],
          egressDeny: [{ toEndpoints: [servers], toPorts: [tcp('8080')] }],
        }),
      ],
      attempts: [...every('denied at egress'), ...every('reached', 'client', 8081)],
    },
    {
      name: 'client-ingress-to-echo-named-port-deny',
      policies: [
        cilium('named-deny', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [{}] }],
          ingressDeny: [{ fromEndpoints: [client], toPorts: [tcp('web')] }],
        }),
      ],
      attempts: [...every('denied at ingress'), ...every('reached', 'client', 8081), ...every('reached', 'client2')],
    },
    {
      name: 'ingress-from-specific-namespace-ccnp',
      policies: [
        clusterwide('from-namespace', {
          endpointSelector: { matchLabels: { 'k8s:io.kubernetes.pod.namespace': namespace, app: 'near' } },
          ingress: [{ fromEndpoints: [{ matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'elsewhere' } }] }],
        }),
      ],
      attempts: [
        { from: 'client', to: 'near', port: 8080, outcome: 'default deny at ingress' },
        { from: 'client', to: 'far', port: 8080, outcome: 'reached' },
      ],
    },
    {
      name: 'a policy with a field that is not supported allows nothing',
      policies: [
        cilium('with-http', {
          endpointSelector: servers,
          ingress: [{ fromEndpoints: [{}], toPorts: [{ ...tcp('8080'), rules: { http: [{ method: 'GET' }] } }] }],
        }),
      ],
      attempts: every('default deny at ingress'),
    },
  ];
}

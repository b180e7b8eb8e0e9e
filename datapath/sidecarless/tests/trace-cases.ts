/** What must be answered about a connection of the pod `client`, as `allowed no-policy` or `denied NAME PATH`. */
type Attempt = { to: 'near' | 'far'; port: number; egress: string; ingress: string };

export type TraceCase = { name: string; policies: readonly object[]; attempts: readonly Attempt[] };

const untouched = 'allowed no-policy';

/** Policies, and what is to be answered under them; the servers listen on 8080 and 8081, and 8080 is named `web`. */
export function traceCases(namespace: string): TraceCase[] {
  const cilium = (name: string, spec: object): object => ({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const kubernetes = (name: string, spec: object): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const client = { matchLabels: { app: 'client' } };
  const servers = { matchExpressions: [{ key: 'app', operator: 'In', values: ['near', 'far'] }] };
  const tcp = (port: string, endPort?: number): object => ({
    ports: [{ port, protocol: 'TCP', ...(endPort === undefined ? {} : { endPort }) }],
  });
  const both = (port: number, answers: Pick<Attempt, 'egress' | 'ingress'>): Attempt[] =>
    (['near', 'far'] as const).map((to) => ({ to, port, ...answers }));

  return [
    { name: 'no policy', policies: [], attempts: both(8080, { egress: untouched, ingress: untouched }) },
    {
      name: 'default deny of one object, and nothing of another',
      policies: [
        kubernetes('locked', { podSelector: servers, policyTypes: ['Ingress'] }),
        kubernetes('of-others', { podSelector: { matchLabels: { app: 'nobody' } } }),
      ],
      attempts: both(8080, { egress: untouched, ingress: 'denied default-deny locked' }),
    },
    {
      name: 'an explicit denial beats what is allowed',
      policies: [
        cilium('mixed', {
          endpointSelector: client,
          egress: [{ toEntities: ['host'] }, { toEntities: ['all'] }],
          egressDeny: [{ toEntities: ['world'] }, { toEndpoints: [servers], toPorts: [tcp('8080')] }],
        }),
      ],
      attempts: [
        ...both(8080, { egress: 'denied mixed spec.egressDeny[1]', ingress: untouched }),
        ...both(8081, { egress: 'allowed mixed spec.egress[1]', ingress: untouched }),
      ],
    },
    {
      name: 'a denial without default deny',
      policies: [
        cilium('only-denies', {
          endpointSelector: servers,
          enableDefaultDeny: { ingress: false },
          ingressDeny: [{ fromEndpoints: [client], toPorts: [tcp('8081')] }],
        }),
      ],
      attempts: [
        ...both(8080, { egress: untouched, ingress: 'allowed no-denial' }),
        ...both(8081, { egress: untouched, ingress: 'denied only-denies spec.ingressDeny[0]' }),
      ],
    },
    {
      name: 'a range of ports',
      policies: [
        cilium('ranged', {
          endpointSelector: client,
          egress: [{ toEndpoints: [servers], toPorts: [tcp('8000', 8080)] }],
        }),
      ],
      attempts: [
        ...both(8080, { egress: 'allowed ranged spec.egress[0]', ingress: untouched }),
        ...both(8081, { egress: 'denied default-deny ranged', ingress: untouched }),
      ],
    },
    {
      name: 'a named port, of two sections of one object',
      policies: [
        {
          apiVersion: 'cilium.io/v2',
          kind: 'CiliumClusterwideNetworkPolicy',
          metadata: { name: 'named' },
          specs: [
            { endpointSelector: servers, ingress: [{ fromEndpoints: [client], toPorts: [tcp('web')] }] },
            { endpointSelector: client, egress: [{ toEndpoints: [servers], toPorts: [tcp('web')] }] },
          ],
        },
      ],
      attempts: [
        ...both(8080, { egress: 'allowed named specs[1].egress[0]', ingress: 'allowed named specs[0].ingress[0]' }),
        ...both(8081, { egress: 'denied default-deny named', ingress: 'denied default-deny named' }),
      ],
    },
  ];
}

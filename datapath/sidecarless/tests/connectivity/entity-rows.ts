import { nodeServerPort, otherWorld, world, worldRange } from './addresses.ts';
import { client, type Documents, servers } from './documents.ts';
import { echo, echoPods, notLetIn, notLetOut, type Row, reached } from './row.ts';

const onNode = `${nodeServerPort}/TCP` as const;

/** Rules for entities and address ranges. `nodes` are the addresses of the two, `controlPlane` the API server's. */
export function entityRows(
  { cilium, kubernetes }: Documents,
  { nodes, controlPlane }: { nodes: readonly string[]; controlPlane: string },
): Row[] {
  const clientTo = (name: string, egress: object): object =>
    cilium(name, { endpointSelector: client, egress: [egress] });
  const echoFrom = (name: string, ingress: object): object =>
    cilium(name, { endpointSelector: servers, ingress: [ingress] });
  return [
    {
      name: 'cluster-entity',
      policies: [clientTo('cluster-entity', { toEntities: ['cluster'] })],
      attempts: [
        ...reached('client', [...echo, 'distant'], '8080/TCP'),
        ...reached('client', ['node', 'far-node'], onNode, 'ICMP'),
        ...notLetOut('client', ['world'], '8080/TCP'),
      ],
    },
    {
      name: 'host-entity-egress',
      policies: [clientTo('host-entity', { toEntities: ['host'] })],
      attempts: [
        ...reached('client', ['node'], onNode, 'ICMP'),
        ...notLetOut('client', ['far-node'], onNode, 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'host-entity-ingress',
      policies: [echoFrom('host-entity', { fromEntities: ['host'] })],
      attempts: [
        ...reached('host', ['near'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('host', ['far'], '8080/TCP'),
        ...reached('far-host', ['far'], '8080/TCP'),
        ...notLetIn('far-host', ['near'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'remote-node-entity-ingress',
      policies: [echoFrom('remote-node-entity', { fromEntities: ['remote-node'] })],
      attempts: [...reached('far-host', ['near'], '8080/TCP', 'ICMP'), ...notLetIn('client', echoPods, '8080/TCP')],
    },
    {
      name: 'remote-node-entity-egress',
      policies: [clientTo('remote-node-entity', { toEntities: ['remote-node'] })],
      attempts: [...reached('client', ['far-node'], onNode, 'ICMP'), ...notLetOut('client', ['node'], onNode, 'ICMP')],
    },
    {
      name: 'to-entities-world',
      policies: [clientTo('to-world', { toEntities: ['world'] })],
      attempts: [
        ...reached('client', ['world', 'other-world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetOut('client', [...echo, 'distant'], '8080/TCP'),
        ...notLetOut('client', ['node', 'far-node'], onNode),
      ],
    },
    {
      name: 'to-entities-world: one port',
      policies: [
        clientTo('to-world-port', {
          toEntities: ['world'],
          toPorts: [{ ports: [{ port: '8080', protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...reached('client', ['world'], '8080/TCP'),
        ...notLetOut('client', ['world'], '8081/TCP', '8080/UDP', 'ICMP'),
      ],
    },
    {
      name: 'echo-ingress-from-outside: the world is not let in',
      policies: [echoFrom('from-client', { fromEndpoints: [client] })],
      attempts: [
        ...reached('client', echo, '8080/TCP'),
        ...notLetIn('world', echoPods, '8080/TCP', '8080/UDP', 'ICMP'),
      ],
    },
    {
      name: 'echo-ingress-from-outside: the world is let in',
      policies: [echoFrom('from-world', { fromEntities: ['world'] })],
      attempts: [
        ...reached('world', echoPods, '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetIn('client', echo, '8080/TCP'),
        ...notLetIn('far-host', ['near'], '8080/TCP'),
      ],
    },
    {
      name: 'from-cidr-host-netns',
      policies: [echoFrom('from-cidr', { fromCIDR: [`${world}/32`] })],
      attempts: [
        ...reached('world', echoPods, '8080/TCP', 'ICMP'),
        ...notLetIn('other-world', echoPods, '8080/TCP', 'ICMP'),
        ...notLetIn('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'from-cidr-host-netns-knp',
      policies: [
        kubernetes('from-cidr', {
          podSelector: servers,
          ingress: [{ from: [{ ipBlock: { cidr: worldRange, except: [`${otherWorld}/32`] } }] }],
        }),
      ],
      attempts: [...reached('world', echoPods, '8080/TCP'), ...notLetIn('other-world', echoPods, '8080/TCP')],
    },
    {
      name: 'to-cidr-external',
      policies: [clientTo('to-cidr', { toCIDRSet: [{ cidr: worldRange, except: [`${otherWorld}/32`] }] })],
      attempts: [
        ...reached('client', ['world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetOut('client', ['other-world'], '8080/TCP', '8080/UDP', 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'to-cidr-external-knp',
      policies: [
        kubernetes('to-cidr', {
          podSelector: client,
          policyTypes: ['Egress'],
          egress: [{ to: [{ ipBlock: { cidr: worldRange, except: [`${otherWorld}/32`] } }] }],
        }),
      ],
      attempts: [
        ...reached('client', ['world'], '8080/TCP', 'ICMP'),
        ...notLetOut('client', ['other-world'], '8080/TCP', 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP'),
      ],
    },
    {
      name: 'to-cidr does not mean pods',
      policies: [clientTo('to-pods-cidr', { toCIDR: ['10.0.0.0/8'] })],
      attempts: notLetOut('client', echo, '8080/TCP'),
    },
    {
      // As in Cilium without policy-cidr-match-mode: nodes.
      name: 'pod-to-node-cidrpolicy: nor nodes',
      policies: [clientTo('to-node-cidr', { toCIDR: nodes.map((address) => `${address}/32`) })],
      attempts: notLetOut('client', ['node', 'far-node'], onNode, 'ICMP'),
    },
    {
      name: 'pod-to-controlplane-host',
      policies: [clientTo('to-api-host', { toEntities: ['kube-apiserver'] })],
      attempts: [
        ...reached('client', ['control-plane'], '6443/TCP', 'ICMP'),
        ...notLetOut('client', ['node', 'world'], 'ICMP'),
      ],
    },
    {
      name: 'pod-to-controlplane-host-cidr',
      policies: [clientTo('to-api-host-cidr', { toCIDR: [`${controlPlane}/32`] })],
      attempts: [
        ...reached('client', ['control-plane'], 'ICMP'),
        ...notLetOut('client', ['far-node', 'world'], 'ICMP'),
      ],
    },
    {
      name: 'pod-to-k8s-on-controlplane',
      policies: [
        clientTo('to-api', {
          toEntities: ['kube-apiserver'],
          toPorts: [{ ports: [{ port: '6443', protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...reached('client', ['control-plane', 'kubernetes'], '6443/TCP'),
        ...notLetOut('client', ['control-plane'], 'ICMP'),
        ...notLetOut('client', ['far-node'], onNode),
      ],
    },
    {
      name: 'pod-to-k8s-on-controlplane-cidr',
      policies: [
        clientTo('to-api-cidr', {
          toCIDRSet: [{ cidr: `${controlPlane}/32` }],
          toPorts: [{ ports: [{ port: '6443', protocol: 'TCP' }] }],
        }),
      ],
      attempts: [
        ...reached('client', ['control-plane', 'kubernetes'], '6443/TCP'),
        ...notLetOut('client', ['control-plane'], 'ICMP'),
        ...notLetOut('client', echo, '8080/TCP'),
      ],
    },
  ];
}

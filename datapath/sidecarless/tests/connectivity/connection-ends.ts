import { hostPort, nodePorts, otherWorld, world } from './addresses.ts';
import { type PodName, pods } from './manifests.ts';
import { type Attempt, isOutside, readTraffic, type Source, type Target } from './row.ts';

/** Who a flow must say is at an address: a pod by its name, or a reserved identity. */
export type Party = { pod: string } | { entity: 'host' | 'remote-node' | 'world' | 'kube-apiserver' };

/** One of those that an attempt can come to. `node` is null for what is on none. */
export type End = { address: string; party: Party; node: number | null };

/** Where a client has to connect to, and where that leads. */
export type Way = {
  address: string;
  port: number;
  /** The server's own port, as policy and flows have it. */
  serverPort: number;
  ends: readonly End[];
  /** Whose address it is, where it is a service's. */
  service: { namespace: string; name: string } | null;
  /** Whether a peer is at its end, which says something. */
  greets: boolean;
};

/** Addresses of the cluster that the rows are for. */
export type Addresses = {
  namespace: string;
  pods: ReadonlyMap<PodName, string>;
  nodes: readonly [first: string, second: string];
  controlPlane: string;
  services: ReadonlyMap<string, string>;
};

/** Where an attempt starts: its party depends on which node the other end is on. */
export function startOf(from: Source, addresses: Addresses, end: End): End {
  if (isOutside(from)) {
    return { address: from === 'world' ? world : otherWorld, party: { entity: 'world' }, node: null };
  }
  const { node } = pods[from];
  if (from === 'host' || from === 'far-host') {
    const party = { entity: end.node === node ? 'host' : 'remote-node' } as const;
    return { address: addresses.nodes[node], party, node };
  }
  return podEnd(from, addresses);
}

export function wayOf({ from, to, traffic }: Attempt, addresses: Addresses): Way {
  const { port: serverPort } = readTraffic(traffic);
  const way = (address: string, ends: readonly End[], others: Partial<Way> = {}): Way => ({
    address,
    port: serverPort,
    serverPort,
    ends,
    service: null,
    greets: true,
    ...others,
  });
  const only = (end: End, others: Partial<Way> = {}): Way => way(end.address, [end], others);
  const servers = [podEnd('near', addresses), podEnd('far', addresses)];
  const workload = { namespace: addresses.namespace, name: 'workload' };
  const byNode = (node: 0 | 1): Way =>
    way(addresses.nodes[node], servers, { port: nodePorts[serverPort as keyof typeof nodePorts], service: workload });
  const api: End = { address: addresses.controlPlane, party: { entity: 'kube-apiserver' }, node: null };
  switch (to) {
    case 'service':
      return way(addresses.services.get('workload') ?? '', servers, { service: workload });
    case 'node-port':
      return byNode(0);
    case 'far-node-port':
      return byNode(1);
    case 'host-port':
    case 'far-host-port': {
      const name = to === 'host-port' ? 'near' : 'far';
      const service = { namespace: addresses.namespace, name };
      return way(addresses.nodes[pods[name].node], [podEnd(name, addresses)], { port: hostPort, service });
    }
    case 'itself':
      return only(podEnd(from as PodName, addresses));
    case 'itself-by-service':
      return way(addresses.services.get('itself') ?? '', [podEnd(from as PodName, addresses)]);
    case 'node':
      return only({ address: addresses.nodes[0], party: { entity: 'host' }, node: 0 });
    case 'far-node':
      return only({ address: addresses.nodes[1], party: { entity: 'remote-node' }, node: 1 });
    case 'control-plane':
      return only(api, { greets: false });
    case 'kubernetes': {
      const service = { namespace: 'default', name: 'kubernetes' };
      return way(addresses.services.get('kubernetes') ?? '', [api], { port: 443, service, greets: false });
    }
    case 'world':
    case 'other-world':
      return only({ address: to === 'world' ? world : otherWorld, party: { entity: 'world' }, node: null });
    default:
      return only(podEnd(to, addresses));
  }
}

/** The client's address as the server must have seen it; null where it tells nobody. */
export function seenFrom({ from, to, traffic }: Attempt, start: End, addresses: Addresses): string | null {
  if (traffic === 'ICMP' || to === 'control-plane' || to === 'kubernetes') return null;
  return isOutside(to) && !isOutside(from) ? addresses.nodes[pods[from].node] : start.address;
}

/** Whether a target is the client's own pod, whose network it does not leave. */
export function isItself(to: Target): boolean {
  return to === 'itself' || to === 'itself-by-service';
}

function podEnd(name: PodName, addresses: Addresses): End {
  return { address: addresses.pods.get(name) ?? '', party: { pod: name }, node: pods[name].node };
}

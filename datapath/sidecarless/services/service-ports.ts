import type { V1EndpointSlice, V1Service } from '@kubernetes/client-node';
import { portProtocol } from '../abi/protocols.ts';
import type { Frontend } from '../abi/service.ts';
import { addressFor, type NodeFacts } from '../cluster/node-facts.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';

/** A backend as slices have it. */
export type Candidate = Frontend & { isTerminating: boolean };

/** A port by one of its addresses, with the backends that new connections may get, and all that it has. */
export type ServicePort = Frontend & {
  affinitySeconds: number;
  chosen: readonly Candidate[];
  all: readonly Candidate[];
};

/** Where sockets ask from, and the nodes that ports are open at. */
export type ServicePlaces = { ownNode: string; nodes: readonly NodeFacts[] };

const defaultAffinitySeconds = 10_800;

/**
 * Every address and port by which sockets of a node reach a service: its own addresses, those that a load balancer has
 * for it, and each node's NodePorts.
 */
export function servicePorts(
  { spec, status }: V1Service,
  slices: readonly V1EndpointSlice[],
  { ownNode, nodes }: ServicePlaces,
): ServicePort[] {
  const affinitySeconds =
    spec?.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
      : 0;
  // A balancer that answers by itself (`Proxy`) must get to see what is for it.
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', ipMode }) =>
    ipMode === 'Proxy' ? [] : [ip],
  );
  const addresses = [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? []), ...balanced].filter(
    (ip) => ip !== 'None' && ip !== '',
  );
  return (spec?.ports ?? []).flatMap(({ port, nodePort, protocol = 'TCP', name = '' }) => {
    const number = portProtocol(protocol);
    const at = (address: string, port: number, onNode: string | null): ServicePort => {
      const all = backendsOf(slices, { name, protocol: number, isV6: address.includes(':'), onNode });
      return { address, port, protocol: number, affinitySeconds, ...chosenOf(all) };
    };
    const own = addresses.map((address) => at(address, port, spec?.internalTrafficPolicy === 'Local' ? ownNode : null));
    if (nodePort === undefined) return own;
    const isLocal = spec?.externalTrafficPolicy === 'Local';
    // Who asks its own node is inside the cluster, and gets any backend, as from kube-proxy.
    const exposed = nodes.flatMap((node) =>
      node.addresses.map((address) => at(address, nodePort, isLocal && node.name !== ownNode ? node.name : null)),
    );
    return [...own, ...exposed];
  });
}

/** The ports that a pod has at its node. */
export function hostPorts({ node, addresses, hostPorts }: PodFacts, nodes: readonly NodeFacts[]): ServicePort[] {
  const own = nodes.find(({ name }) => name === node);
  if (own === undefined) return [];
  return hostPorts.flatMap(({ hostAddress, hostPort, port, protocol }) =>
    addresses.flatMap((address) => {
      const at = hostAddress ?? addressFor(own, address);
      if (at === null || !own.addresses.includes(at) || at.includes(':') !== address.includes(':')) return [];
      const all = [{ address, port, protocol, isTerminating: false }];
      return [{ address: at, port: hostPort, protocol, affinitySeconds: 0, chosen: all, all }];
    }),
  );
}

type Found = Candidate & { isReady: boolean; isServing: boolean };

/** Pods that terminate and still serve are better than none. */
function chosenOf(all: readonly Found[]): Pick<ServicePort, 'chosen' | 'all'> {
  const ready = all.filter(({ isReady }) => isReady);
  return { chosen: ready.length > 0 ? ready : all.filter(({ isServing }) => isServing), all };
}

function backendsOf(
  slices: readonly V1EndpointSlice[],
  { name, protocol, isV6, onNode }: { name: string; protocol: number; isV6: boolean; onNode: string | null },
): Found[] {
  return slices.flatMap((slice) => {
    const port = slice.ports?.find(
      (one) => (one.name ?? '') === name && portProtocol(one.protocol ?? 'TCP') === protocol,
    )?.port;
    if (port === undefined || slice.addressType !== (isV6 ? 'IPv6' : 'IPv4')) return [];
    return (slice.endpoints ?? [])
      .filter(({ nodeName }) => onNode === null || nodeName === onNode)
      .flatMap(({ addresses, conditions }) => {
        const isTerminating = conditions?.terminating ?? false;
        const isReady = (conditions?.ready ?? true) && !isTerminating;
        const isServing = conditions?.serving ?? conditions?.ready ?? true;
        // One that is not ready gets nothing new, and keeps the connections that it has.
        return addresses.map((address) => ({ address, port, protocol, isTerminating, isReady, isServing }));
      });
  });
}

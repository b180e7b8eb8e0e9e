import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import { LabError } from '../../clusters/error.ts';
import type { PolicyEntity } from '../../datapath/policy-question.ts';
import { didYouMean } from '../cli/suggestion.ts';
import type { EndName } from './end.ts';
import { portText, type TracedPort } from './port.ts';

/** What of the cluster names are looked up in. */
export type ClusterObjects = {
  pods: readonly V1Pod[];
  services: readonly V1Service[];
  slices: readonly V1EndpointSlice[];
  nodes: readonly V1Node[];
};

/** One side of a connection. A pod in its node's network is the node. */
export type End =
  | { kind: 'pod'; namespace: string; name: string; node: string; addresses: readonly string[] }
  | { kind: 'node'; name: string; addresses: readonly string[] }
  | { kind: 'address'; addresses: readonly string[] }
  | { kind: 'entity'; entity: PolicyEntity };

/** Where a connection may go: one target, or the backends of a Service, with the port that it has there. */
export type Targets = {
  service: { namespace: string; name: string } | null;
  targets: readonly { end: End; port: TracedPort }[];
};

/** Who opens the connection. @throws LabError where there is no such pod, or it has no address. */
export function resolveSource(name: EndName, objects: ClusterObjects): End {
  if (name.kind !== 'name') return resolveEnd(name, objects);
  return podEnd(findPod(name, objects) ?? unknownName(name, objects, 'pod'), objects);
}

/**
 * What a connection to `name` reaches: a Service by its name or address, or by a port of a node, is what is behind it; so
 * is a pod that has a port of its node.
 * @throws LabError where there is no such thing, or nothing behind it, with what there is.
 */
export function resolveTargets(
  name: EndName,
  port: TracedPort,
  objects: ClusterObjects,
  fromNode: string | null,
): Targets {
  const service = findService(name, objects);
  const pod = name.kind === 'name' ? findPod(name, objects) : null;
  if (service !== null && pod !== null) {
    const { clusterIP } = service.spec ?? {};
    throw refusal('LAB_NAME_AMBIGUOUS', {
      message: `There are a pod and a Service ${fullName(service)}`,
      remedy: `Give the one that is meant by its address: ${pod.status?.podIP} or ${clusterIP}.`,
    });
  }
  if (service !== null) {
    const onNode = service.spec?.internalTrafficPolicy === 'Local' ? fromNode : null;
    return { service: nameOf(service), targets: backendsOf(service, port, objects, onNode) };
  }
  const exposed = name.kind === 'address' ? exposedAt(name.address, port, objects, fromNode) : null;
  if (exposed !== null) return exposed;
  if (name.kind !== 'name') return { service: null, targets: [{ end: resolveEnd(name, objects), port }] };
  const found = pod ?? unknownName(name, objects, 'pod or Service');
  return { service: null, targets: [{ end: podEnd(found, objects), port }] };
}

/** What a port of a node leads to, for who is in the cluster; null where it is the node's own. */
function exposedAt(
  address: string,
  asked: TracedPort,
  objects: ClusterObjects,
  fromNode: string | null,
): Targets | null {
  const node = objects.nodes.find((one) => nodeAddresses(one).some((own) => canonical(own) === canonical(address)));
  if (node === undefined) return null;
  const nodeName = node.metadata?.name ?? '';
  for (const service of objects.services) {
    const { ports = [], externalTrafficPolicy } = service.spec ?? {};
    const found = ports.find((one) => one.nodePort === asked.port && (one.protocol ?? 'TCP') === asked.protocol);
    if (found === undefined) continue;
    const onNode = externalTrafficPolicy === 'Local' && nodeName !== fromNode ? nodeName : null;
    return {
      service: nameOf(service),
      targets: backendsOf(service, { ...asked, port: found.port }, objects, onNode),
    };
  }
  for (const pod of objects.pods.filter((one) => isRunning(one) && one.spec?.nodeName === nodeName)) {
    if (pod.spec?.hostNetwork === true) continue;
    const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
    const found = ports.find(
      ({ hostPort, hostIP = '', protocol = 'TCP' }) =>
        hostPort === asked.port &&
        protocol === asked.protocol &&
        (['', '0.0.0.0', '::'].includes(hostIP) || canonical(hostIP) === canonical(address)),
    );
    if (found === undefined) continue;
    return { service: null, targets: [{ end: podEnd(pod, objects), port: { ...asked, port: found.containerPort } }] };
  }
  return null;
}

function resolveEnd(name: Exclude<EndName, { kind: 'name' }>, objects: ClusterObjects): End {
  return name.kind === 'entity' ? name : endAt(name.address, objects);
}

/** Who has an address. */
function endAt(address: string, objects: ClusterObjects): End {
  const wanted = canonical(address);
  const pod = objects.pods.find(
    (one) =>
      isRunning(one) && one.spec?.hostNetwork !== true && podAddresses(one).some((own) => canonical(own) === wanted),
  );
  if (pod !== undefined) return { ...podEnd(pod, objects), addresses: [address] };
  const node = objects.nodes.find((one) => nodeAddresses(one).some((own) => canonical(own) === wanted));
  if (node !== undefined) return { kind: 'node', name: node.metadata?.name ?? '', addresses: [address] };
  return { kind: 'address', addresses: [address] };
}

function podEnd(pod: V1Pod, { nodes }: ClusterObjects): Extract<End, { kind: 'pod' | 'node' }> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const node = pod.spec?.nodeName ?? '';
  if (pod.spec?.hostNetwork === true) {
    const found = nodes.find(({ metadata }) => metadata?.name === node);
    return { kind: 'node', name: node, addresses: found === undefined ? podAddresses(pod) : nodeAddresses(found) };
  }
  const addresses = podAddresses(pod);
  if (isRunning(pod) && addresses.length > 0) return { kind: 'pod', namespace, name, node, addresses };
  throw refusal('LAB_POD_WITHOUT_ADDRESS', {
    message: `The pod ${namespace}/${name} has no address: it is ${pod.status?.phase ?? 'not scheduled'}`,
    remedy: `\`lab kubectl describe pod -n ${namespace} ${name}\` says why.`,
  });
}

function findPod({ namespace, name }: { namespace: string; name: string }, { pods }: ClusterObjects): V1Pod | null {
  return pods.find(({ metadata }) => metadata?.namespace === namespace && metadata.name === name) ?? null;
}

function findService(name: EndName, { services }: ClusterObjects): V1Service | null {
  if (name.kind === 'entity') return null;
  const found = services.find(({ metadata, spec, status }) => {
    if (name.kind === 'name') return metadata?.namespace === name.namespace && metadata.name === name.name;
    const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', ipMode }) =>
      ipMode === 'Proxy' ? [] : [ip],
    );
    const own = [...(spec?.clusterIPs ?? []), ...(spec?.externalIPs ?? []), ...balanced].filter(
      (address) => address !== 'None' && address !== '',
    );
    return own.some((address) => canonical(address) === canonical(name.address));
  });
  return found ?? null;
}

/** @param onNode whose backends are the only ones; null: those of all. */
function backendsOf(
  service: V1Service,
  asked: TracedPort,
  objects: ClusterObjects,
  onNode: string | null,
): Targets['targets'] {
  const { namespace, name } = service.metadata ?? {};
  const { ports = [], clusterIP } = service.spec ?? {};
  const isHeadless = clusterIP === 'None';
  const port = ports.find((one) => one.port === asked.port && (one.protocol ?? 'TCP') === asked.protocol);
  if (port === undefined && !isHeadless) {
    const known = ports.map((one) => `${one.port}/${one.protocol ?? 'TCP'}`);
    throw refusal('LAB_SERVICE_PORT', {
      message: `The Service ${fullName(service)} has no port ${portText(asked)}: it has ${known.join(', ') || 'none'}`,
    });
  }
  const backends = objects.slices
    .filter(
      ({ metadata }) => metadata?.namespace === namespace && metadata?.labels?.['kubernetes.io/service-name'] === name,
    )
    .flatMap((slice) => {
      const there = slice.ports?.find(
        (one) => (one.name ?? '') === (port?.name ?? '') && (one.protocol ?? 'TCP') === asked.protocol,
      )?.port;
      // Without an address of its own a Service is but a name: who uses it chooses the port.
      const number = isHeadless ? asked.port : there;
      return (slice.endpoints ?? [])
        .filter(({ nodeName }) => onNode === null || nodeName === onNode)
        .flatMap(({ addresses, conditions }) =>
          number === undefined
            ? []
            : addresses.map((address) => ({ address, conditions, port: { ...asked, port: number } })),
        );
    });
  const ready = backends.filter(({ conditions }) => conditions?.ready !== false && conditions?.terminating !== true);
  // Those that terminate and still serve are better than none.
  const chosen = ready.length > 0 ? ready : backends.filter(({ conditions }) => conditions?.serving === true);
  if (chosen.length > 0) return chosen.map((one) => ({ end: endAt(one.address, objects), port: one.port }));
  throw refusal('LAB_SERVICE_WITHOUT_BACKENDS', {
    message: `The Service ${fullName(service)} has no ready backend for ${portText(asked)}, so that every connection to it fails at once`,
    remedy: `\`lab kubectl get endpointslices -n ${namespace}\` shows what is behind it.`,
  });
}

function unknownName(
  { namespace, name }: { namespace: string; name: string },
  objects: ClusterObjects,
  what: string,
): never {
  const all = what === 'pod' ? objects.pods : [...objects.pods, ...objects.services];
  const namespaces = [...new Set(all.map(({ metadata }) => metadata?.namespace ?? ''))].sort();
  if (!namespaces.includes(namespace)) {
    throw refusal('LAB_NAME_UNKNOWN', {
      message: `There is no ${what} ${namespace}/${name}, nor any in a namespace ${namespace}${didYouMean(namespace, namespaces)}`,
      remedy: `There are some in ${namespaces.join(', ')}.`,
    });
  }
  const names = [
    ...new Set(
      all.filter(({ metadata }) => metadata?.namespace === namespace).map(({ metadata }) => metadata?.name ?? ''),
    ),
  ].sort();
  const shown = names.slice(0, 20);
  throw refusal('LAB_NAME_UNKNOWN', {
    message: `There is no ${what} ${namespace}/${name}${didYouMean(name, names)}`,
    remedy: `In ${namespace} there is ${shown.join(', ')}${names.length > shown.length ? ', and more' : ''}.`,
  });
}

function isRunning({ status }: V1Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function podAddresses({ status }: V1Pod): string[] {
  const addresses = (status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  return addresses.length === 0 && status?.podIP !== undefined ? [status.podIP] : addresses;
}

function nodeAddresses({ status }: V1Node): string[] {
  return (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}

function nameOf({ metadata }: V1Service): { namespace: string; name: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}

function fullName({ metadata }: V1Service): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

/** One spelling for each address: IPv6 has many. */
function canonical(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

function refusal(code: `LAB_${string}`, { message, remedy }: { message: string; remedy?: string }): LabError {
  return new LabError(code, { message, exitCode: 2, ...(remedy === undefined ? {} : { remedy }) });
}

import type { V1EndpointSlice, V1Pod, V1Service, V1ServicePort } from '@kubernetes/client-node';

/** How deep a proxy looks into a port, and whether it is encrypted between proxies. */
export type PortMode = { profile: 'l4' | 'l7'; encryption: 'none' | 'mtls' };

/** A port of a Service as its callers see it. */
export type OutboundPort = PortMode & {
  service: string;
  clusterIp: string;
  port: number;
  /** Service accounts of the pods behind it, ready or not: whom a caller may meet there. */
  serviceAccounts: readonly string[];
  /** Ready pods. */
  endpoints: readonly { address: string; port: number }[];
};

/** A port on which a pod is reached. */
export type InboundPort = PortMode & { port: number };

/** What the proxies of one namespace have to know. */
export type Mesh = {
  namespace: string;
  outbound: readonly OutboundPort[];
  /** Pods that have a proxy, by name. */
  proxies: ReadonlyMap<string, { serviceAccount: string; inbound: readonly InboundPort[] }>;
};

/** Objects of one namespace, as the API has them. */
export type MeshObjects = {
  namespace: string;
  services: readonly V1Service[];
  slices: readonly V1EndpointSlice[];
  pods: readonly V1Pod[];
};

/** Ports of a Service that are not to be encrypted, separated by commas. */
const plaintextAnnotation = 'lab.dataplane/plaintext-ports';

/** Reads a namespace's objects the way proxies see them. `hasProxy` says which pods have one. */
export function meshOf({ namespace, services, slices, pods }: MeshObjects, hasProxy: (pod: V1Pod) => boolean): Mesh {
  const outbound: OutboundPort[] = [];
  const inbound = new Map<string, InboundPort[]>();
  for (const service of services.filter(isVirtual).toSorted(byName)) {
    const selected = pods.filter((pod) => isSelected(pod, service));
    for (const port of tcpPorts(service)) {
      const mode = modeOf(service, port);
      outbound.push({
        ...mode,
        service: service.metadata?.name ?? '',
        clusterIp: service.spec?.clusterIP ?? '',
        port: port.port,
        serviceAccounts: [...new Set(selected.map(serviceAccountOf))].sort(),
        endpoints: readyEndpoints(slices, service, port),
      });
      for (const pod of selected) {
        const target = targetPort(pod, port);
        const ports = inbound.get(pod.metadata?.name ?? '') ?? [];
        inbound.set(pod.metadata?.name ?? '', ports);
        // A port behind two Services is what the first one says.
        if (target !== null && !ports.some((known) => known.port === target)) ports.push({ ...mode, port: target });
      }
    }
  }
  const proxies = pods
    .filter((pod) => hasProxy(pod) && !isOver(pod))
    .map((pod) => ({ name: pod.metadata?.name ?? '', serviceAccount: serviceAccountOf(pod) }))
    .map(({ name, serviceAccount }): [string, { serviceAccount: string; inbound: InboundPort[] }] => [
      name,
      { serviceAccount, inbound: inbound.get(name) ?? [] },
    ]);
  return { namespace, outbound, proxies: new Map(proxies) };
}

function isVirtual({ spec }: V1Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function byName(a: V1Service, b: V1Service): number {
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}

function isSelected(pod: V1Pod, { spec }: V1Service): boolean {
  const selector = Object.entries(spec?.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => pod.metadata?.labels?.[key] === value) && !isOver(pod);
}

function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function tcpPorts({ spec }: V1Service): V1ServicePort[] {
  return (spec?.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
}

function modeOf({ metadata }: V1Service, { port, appProtocol }: V1ServicePort): PortMode {
  const plaintext = (metadata?.annotations?.[plaintextAnnotation] ?? '').split(',').map((text) => text.trim());
  return {
    profile: appProtocol === 'http' ? 'l7' : 'l4',
    encryption: plaintext.includes(String(port)) ? 'none' : 'mtls',
  };
}

/** The number of the port in this pod; null where a name leads nowhere. */
function targetPort(pod: V1Pod, { port, targetPort }: V1ServicePort): number | null {
  if (targetPort === undefined) return port;
  if (typeof targetPort === 'number') return targetPort;
  const named = (pod.spec?.containers ?? [])
    .flatMap(({ ports }) => ports ?? [])
    .find(({ name }) => name === targetPort);
  return named?.containerPort ?? null;
}

function readyEndpoints(
  slices: readonly V1EndpointSlice[],
  service: V1Service,
  port: V1ServicePort,
): { address: string; port: number }[] {
  const endpoints = slices
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service.metadata?.name)
    .flatMap((slice) => {
      const number = slice.ports?.find(({ name }) => (name ?? '') === (port.name ?? ''))?.port;
      if (number === undefined) return [];
      return (slice.endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses }) => addresses.map((address) => ({ address, port: number })));
    });
  const keyOf = ({ address, port }: { address: string; port: number }): string => `${address}:${port}`;
  return [...new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint])).values()].toSorted((a, b) =>
    keyOf(a) < keyOf(b) ? -1 : 1,
  );
}

function serviceAccountOf({ spec }: V1Pod): string {
  return spec?.serviceAccountName ?? 'default';
}

import type { V1Service, V1ServicePort } from '@kubernetes/client-node';

/**
 * The variables by which a container finds services
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables): the API server's always,
 * those of the pod's own namespace with `links`.
 */
export function serviceVariables(
  services: readonly V1Service[],
  namespace: string,
  links: boolean,
): Record<string, string> {
  const isMaster = ({ metadata }: V1Service): boolean =>
    metadata?.namespace === 'default' && metadata.name === 'kubernetes';
  const hasAddress = ({ spec }: V1Service): boolean => (spec?.clusterIP ?? 'None') !== 'None' && spec?.clusterIP !== '';
  const chosen = services.filter(
    (service) => hasAddress(service) && (isMaster(service) || (links && service.metadata?.namespace === namespace)),
  );
  // The API server's come last, so that no service of the same name hides it.
  const ordered = chosen.toSorted((a, b) => Number(isMaster(a)) - Number(isMaster(b)));
  return Object.assign({}, ...ordered.map(variablesOf)) as Record<string, string>;
}

function variablesOf({ metadata, spec }: V1Service): Record<string, string> {
  const ports = spec?.ports ?? [];
  const first = ports[0];
  if (first === undefined) return {};
  const address = spec?.clusterIP ?? '';
  const name = upper(metadata?.name ?? '');
  const variables: Record<string, string> = {
    [`${name}_SERVICE_HOST`]: address,
    [`${name}_SERVICE_PORT`]: String(first.port),
    [`${name}_PORT`]: url(first, address),
  };
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    if (port.name !== undefined) variables[`${name}_SERVICE_PORT_${upper(port.name)}`] = String(port.port);
    variables[prefix] = url(port, address);
    variables[`${prefix}_PROTO`] = protocol.toLowerCase();
    variables[`${prefix}_PORT`] = String(port.port);
    variables[`${prefix}_ADDR`] = address;
  }
  return variables;
}

function url({ protocol = 'TCP', port }: V1ServicePort, address: string): string {
  return `${protocol.toLowerCase()}://${address}:${port}`;
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

import { availableParallelism, totalmem } from 'node:os';
import type { V1Container, V1Pod, V1ResourceFieldSelector } from '@kubernetes/client-node';
import { LabError } from '../../error.ts';
import { storageBytes } from '../node/node-object.ts';
import { parseQuantity } from '../quantity.ts';

/** What a running pod knows of itself beyond its object. */
export type PodFacts = { podIps: readonly string[]; hostIp: string };

/**
 * The value of a downward API field (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/).
 * @throws LabError LAB_CONTAINER_CONFIG for a field that there is not.
 */
export function fieldValue(pod: V1Pod, path: string, { podIps, hostIp }: PodFacts): string {
  const { metadata = {}, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (key !== undefined) return (map === 'labels' ? metadata.labels : metadata.annotations)?.[key] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return keyValueLines(metadata.labels);
    case 'metadata.annotations':
      return keyValueLines(metadata.annotations);
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp;
    default:
      throw new LabError('LAB_CONTAINER_CONFIG', { message: `unsupported fieldPath: ${path}` });
  }
}

/** A container's own request or limit in units of the divisor, rounded up; what the node has where there is no limit. */
export function resourceValue(container: V1Container, { resource, divisor }: V1ResourceFieldSelector): string {
  const [list = '', name = ''] = resource.split(/\.(.*)/);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const node: Record<string, string> = {
    cpu: String(availableParallelism()),
    memory: String(totalmem()),
    'ephemeral-storage': String(storageBytes()),
  };
  const quantity = list === 'limits' ? (limits[name] ?? node[name] ?? '0') : (requests[name] ?? '0');
  const unit = divisor === undefined || divisor === '0' || divisor === '' ? 1 : parseQuantity(divisor);
  return String(Math.ceil(parseQuantity(quantity) / unit - 1e-9));
}

function keyValueLines(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

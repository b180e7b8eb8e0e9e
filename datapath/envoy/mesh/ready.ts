import type { KubernetesObject, V1EndpointSlice, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Pool } from '../../../clusters/cluster.ts';
import { LabError } from '../../../clusters/error.ts';
import type { DataPlaneContext } from '../../data-plane.ts';
import { controlPorts } from '../ports.ts';
import { enrolledAnnotation, meshOf } from './mesh.ts';
import type { WatchedKind } from './mesh-watch.ts';
import { AcceptedAnswer, type AcceptedRequest } from './status.ts';

const timeoutSeconds = 30;

/**
 * Resolves when every sidecar of the namespace runs what follows from the API's objects as they are now, with every
 * ready pod among the endpoints of its Services.
 * @throws LabError LAB_SIDECAR_NOT_READY with what each sidecar said.
 */
export async function sidecarsReady({ kube, signal, progress }: DataPlaneContext, pool: Pool): Promise<void> {
  progress(`${pool.name}: sidecars accept their configuration`);
  const { namespace } = pool;
  const core = `/api/v1/namespaces/${namespace}`;
  const slicesPath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const list = async <T>(path: string): Promise<T[]> =>
    (await kube.json<{ items: T[] }>('GET', path, { signal })).items;
  const [services, pods, policies] = await Promise.all([
    list<V1Service>(`${core}/services`),
    list<V1Pod>(`${core}/pods`),
    list<KubernetesObject>(`${core}/configmaps?fieldSelector=metadata.name%3Dauthorization`),
  ]);
  const slices = await kube.waitFor<V1EndpointSlice>(slicesPath, {
    signal,
    timeoutSeconds,
    what: `endpoints of every ready pod of ${namespace}`,
    condition: (slices) => lacking({ namespace, services, slices, pods }).length === 0,
    describe: (slices) => lacking({ namespace, services, slices, pods }).join('\n'),
  });
  const enrolled = pods.filter(
    ({ metadata, status }) =>
      metadata?.annotations?.[enrolledAnnotation] !== undefined &&
      metadata.deletionTimestamp === undefined &&
      status?.phase === 'Running',
  );
  const request: AcceptedRequest = {
    pods: enrolled.map(({ metadata }) => metadata?.name ?? ''),
    seen: [
      ...versions('services', services),
      ...versions('pods', enrolled),
      ...versions('endpointslices', slices),
      ...versions('configmaps', policies),
    ],
    timeoutSeconds,
  };
  const [control] = await kube.waitFor<V1Pod>(`/api/v1/namespaces/${pool.systemNamespace}/pods`, {
    signal,
    timeoutSeconds,
    what: `the control plane of ${pool.name}`,
    labelSelector: 'app=sidecar-control',
    condition: (pods) => pods.length === 1 && pods.every(isReady),
  });
  const path = `/api/v1/namespaces/${pool.systemNamespace}/pods/${control?.metadata?.name}:${controlPorts.status}/proxy`;
  const answer = await kube.json('POST', `${path}/accepted`, { body: request, signal });
  const { failures } = AcceptedAnswer.parse(answer);
  if (failures.length === 0) return;
  throw new LabError('LAB_SIDECAR_NOT_READY', {
    message: `Sidecars of ${namespace} are not ready:\n${failures.map(({ message }) => message).join('\n')}`,
  });
}

/** Ready pods that a Service selects and no endpoint of it names. */
function lacking(objects: Parameters<typeof meshOf>[0]): string[] {
  const ready = objects.pods.filter(isReady);
  return meshOf({ ...objects, pods: ready }).outbound.flatMap(({ service, port, endpoints }) => {
    const selector = Object.entries(
      objects.services.find(({ metadata }) => metadata?.name === service)?.spec?.selector ?? {},
    );
    return ready
      .filter(
        ({ metadata }) => selector.length > 0 && selector.every(([key, value]) => metadata?.labels?.[key] === value),
      )
      .filter(({ status }) => !endpoints.some(({ address }) => address === status?.podIP))
      .map(({ metadata }) => `${service}:${port} lacks ${metadata?.name}`);
  });
}

function isReady({ metadata, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function versions(kind: WatchedKind, objects: readonly KubernetesObject[]): AcceptedRequest['seen'] {
  return objects.map(({ metadata }) => ({
    kind,
    name: metadata?.name ?? '',
    resourceVersion: metadata?.resourceVersion ?? '0',
  }));
}

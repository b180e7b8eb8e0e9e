import type { KubernetesObject, V1EndpointSlice, V1Pod, V1Service } from '@kubernetes/client-node';
import type { Pool } from '../../../clusters/cluster.ts';
import { isPodReady } from '../../../clusters/kube/pod-ready.ts';
import type { DataPlaneContext } from '../../data-plane.ts';
import { controlPorts } from '../ports.ts';
import type { ControlPlane } from './control-plane.ts';
import { meshOf } from './mesh.ts';
import { AcceptedAnswer, type AcceptedRequest } from './status.ts';
import type { WatchedKind } from './watched-kinds.ts';

const timeoutSeconds = 30;

/**
 * Waits until every proxy of the namespace runs what follows from the API's objects as they are now, with every ready pod
 * among the endpoints of its Services. `hasProxy` as in {@link meshOf}.
 * @returns what each proxy that does not said.
 */
export async function meshFailures(
  { kube, signal }: DataPlaneContext,
  pool: Pool,
  { hasProxy, controlPlane }: { hasProxy: (pod: V1Pod) => boolean; controlPlane: ControlPlane },
): Promise<AcceptedAnswer['failures']> {
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
    (pod) => hasProxy(pod) && pod.metadata?.deletionTimestamp === undefined && pod.status?.phase === 'Running',
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
    labelSelector: `app=${controlPlane.name}`,
    condition: (pods) => pods.length === 1 && pods.every(isPodReady),
  });
  const path = `/api/v1/namespaces/${pool.systemNamespace}/pods/${control?.metadata?.name}:${controlPorts.status}/proxy`;
  const answer = await kube.json('POST', `${path}/accepted`, { body: request, signal });
  return AcceptedAnswer.parse(answer).failures;
}

/** Ready pods that a Service selects and no endpoint of it names. */
function lacking(objects: Parameters<typeof meshOf>[0]): string[] {
  const ready = objects.pods.filter(isPodReady);
  return meshOf({ ...objects, pods: ready }, () => false).outbound.flatMap(({ service, port, endpoints }) => {
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

function versions(kind: WatchedKind, objects: readonly KubernetesObject[]): AcceptedRequest['seen'] {
  return objects.map(({ metadata }) => ({
    kind,
    name: metadata?.name ?? '',
    resourceVersion: metadata?.resourceVersion ?? '0',
  }));
}

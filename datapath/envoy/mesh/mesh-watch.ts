import type {
  KubernetesObject,
  V1ConfigMap,
  V1EndpointSlice,
  V1Namespace,
  V1Pod,
  V1Service,
} from '@kubernetes/client-node';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { AuthorizationPolicy } from '../authorization.ts';
import { type Mesh, meshOf } from './mesh.ts';
import { type WatchedKind, watchedKinds } from './watched-kinds.ts';

/** The API's objects of one namespace, kept up to date. */
export type MeshWatch = {
  /** Null until every list has arrived once. */
  mesh(): Mesh | null;
  policy(): AuthorizationPolicy;
  /** Why the namespace's `authorization` is not in force; null when it is, or there is none. */
  policyError(): string | null;
  pod(name: string): V1Pod | undefined;
  /** Whether an object has been seen at this version or a later one. */
  hasSeen(kind: WatchedKind, name: string, resourceVersion: string): boolean;
  /** The namespace, when it is there and stays; and its ConfigMap of that name. */
  namespace(): V1Namespace | undefined;
  configMap(name: string): V1ConfigMap | undefined;
};

const nobody: AuthorizationPolicy = { rules: [] };

/** Watches a namespace until the signal aborts, and calls back after each change. `hasProxy` as in {@link meshOf}. */
export function watchMesh(
  kube: Kube,
  namespace: string,
  { hasProxy, signal, onChange }: { hasProxy: (pod: V1Pod) => boolean; signal: AbortSignal; onChange: () => void },
): MeshWatch {
  const synced = new Set<string>();
  const watch = <T extends KubernetesObject>(kind: string, path: string, fieldSelector?: string) =>
    kube.inform<T>(path, {
      signal,
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      onChange,
      onSync: () => {
        synced.add(kind);
        onChange();
      },
    });
  const core = `/api/v1/namespaces/${namespace}`;
  const services = watch<V1Service>('services', `${core}/services`);
  const slices = watch<V1EndpointSlice>(
    'endpointslices',
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
  );
  const pods = watch<V1Pod>('pods', `${core}/pods`);
  const configMaps = watch<V1ConfigMap>('configmaps', `${core}/configmaps`);
  const namespaces = watch<V1Namespace>('namespaces', '/api/v1/namespaces', `metadata.name=${namespace}`);
  const caches = { services, endpointslices: slices, pods, configmaps: configMaps };

  let lastValid = nobody;
  const readPolicy = (): { policy: AuthorizationPolicy; error: string | null } => {
    const text = configMaps.get('authorization', namespace)?.data?.['policy.yaml'];
    if (text === undefined) lastValid = nobody;
    else {
      const read = parsePolicy(text);
      // What was valid stays in force: a slip of the pen must not open anything, nor cut off everyone.
      if (typeof read === 'string') return { policy: lastValid, error: read };
      lastValid = read;
    }
    return { policy: lastValid, error: null };
  };

  return {
    mesh: () =>
      watchedKinds.every((kind) => synced.has(kind))
        ? meshOf({ namespace, services: services.list(), slices: slices.list(), pods: pods.list() }, hasProxy)
        : null,
    policy: () => readPolicy().policy,
    policyError: () => readPolicy().error,
    pod: (name) => pods.get(name, namespace),
    hasSeen: (kind, name, resourceVersion) => {
      const seen = caches[kind].get(name, namespace)?.metadata?.resourceVersion;
      return seen !== undefined && BigInt(seen) >= BigInt(resourceVersion);
    },
    namespace: () => namespaces.list().find(({ status }) => status?.phase === 'Active'),
    configMap: (name) => configMaps.get(name, namespace),
  };
}

/** A policy, or what is wrong with its text. */
export function parsePolicy(text: string): AuthorizationPolicy | string {
  try {
    const result = AuthorizationPolicy.safeParse(parse(text));
    return result.success ? result.data : z.prettifyError(result.error);
  } catch (error) {
    return (error as Error).message;
  }
}

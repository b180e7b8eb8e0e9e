import type { V1Pod } from '@kubernetes/client-node';
import type { AuthorizationPolicy } from '../authorization.ts';
import type { ProxyConfiguration } from '../snapshot.ts';
import type { Mesh } from './mesh.ts';

/** The proxies of one data plane: all that a control plane does not know of itself. */
export type Fleet = {
  /** What its proxies' names begin with; see `proxyName`. */
  readonly kind: string;
  /** The service account of the control plane itself. */
  readonly controlServiceAccount: string;
  /** Whether a pod has a proxy of this fleet. */
  hasProxy(pod: V1Pod): boolean;
  /** Everything that the proxy of one pod is to run; null when the mesh has no such pod. */
  configurationOf(mesh: Mesh, pod: string, policy: AuthorizationPolicy): ProxyConfiguration | null;
};

import type { Kube } from '../../../clusters/kube.ts';
import type { EndpointHooks, PodEndpoint } from '../cni/endpoint.ts';
import { parseAddress } from '../flow/address.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Datapath } from './datapath.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import type { IdentityRegistry } from './identity-registry.ts';
import { mirrorOf } from './mirror.ts';
import { type PodFacts, podFacts } from './pod-facts.ts';
import type { Reconciler } from './reconciler.ts';
import { uint32 } from './records.ts';

export type LocalPodsOptions = {
  kube: Kube;
  datapath: Datapath;
  state: ClusterState;
  registry: IdentityRegistry;
  /** The pods with programs and policy, by the id of their sandbox: filled here. */
  endpoints: Map<string, Endpoint>;
  reconciler: Pick<Reconciler, 'policyOf'>;
  /** Writes policy and addresses as things are now. */
  reconcile: () => void;
};

export type LocalPods = EndpointHooks & {
  /** Forgets what an earlier agent has loaded of pods that are none of these. */
  settle(there: readonly PodEndpoint[]): void;
};

/** What becomes of a pod of this node when it is connected, and when it is gone. */
export function localPods(options: LocalPodsOptions): LocalPods {
  const { datapath, registry, reconciler, endpoints, reconcile } = options;
  const mirror = mirrorOf(datapath.endpoints);
  return {
    async attach(link, signal) {
      const pod = await factsOf(options, link, signal);
      const identity = await registry.ensure(pod.labels, signal);
      const policy = reconciler.policyOf(pod);
      const endpoint = await openEndpoint({ datapath, endpoints: mirror }, link, { pod, identity, policy });
      endpoints.set(link.containerId, endpoint);
      reconcile();
      datapath.attachPod(link.ifindex);
    },
    async detach({ containerId }) {
      const endpoint = endpoints.get(containerId);
      endpoints.delete(containerId);
      const removed = endpoint?.remove();
      reconcile();
      await removed;
    },
    settle(there) {
      mirror.keepOnly(there.flatMap(({ addresses }) => addresses.map(parseAddress)));
      const known = new Set(there.map(({ ifindex }) => ifindex));
      const gone: number[] = [];
      datapath.policies.scan((key) => gone.push(new DataView(key.buffer, key.byteOffset).getUint32(0, true)));
      datapath.policies.deleteAll(gone.filter((id) => !known.has(id)).map(uint32));
    },
    check: async ({ containerId }) => (endpoints.has(containerId) ? [] : ['its policy is not loaded']),
  };
}

/** The runtime may hear of a pod before this agent does: then the API server is asked. */
async function factsOf(
  { kube, state }: LocalPodsOptions,
  { pod: { namespace, name, uid } }: PodEndpoint,
  signal: AbortSignal,
): Promise<PodFacts> {
  const known = state.pod(namespace, name);
  if (known !== null && (uid === '' || known.uid === uid)) return known;
  const [pod, of] = await Promise.all([
    kube.json<never>('GET', `/api/v1/namespaces/${namespace}/pods/${name}`, { signal }),
    kube.json<never>('GET', `/api/v1/namespaces/${namespace}`, { signal }),
  ]);
  return podFacts(pod, of);
}

import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../../../clusters/kube/kube.ts';
import { endpointOf } from '../abi/endpoint.ts';
import { uint32 } from '../abi/record.ts';
import { parseAddress } from '../address/address.ts';
import type { ClusterState } from '../cluster/cluster-state.ts';
import { type PodFacts, podFacts } from '../cluster/pod-facts.ts';
import { CniError, cniCodes } from '../cni/cni-error.ts';
import type { EndpointHooks, PodEndpoint } from '../cni/endpoint.ts';
import { ownerKey } from '../cni/lease.ts';
import type { IdentityRegistry } from '../identities/identity-registry.ts';
import type { Datapath } from '../maps/datapath.ts';
import { mirrorOf } from '../maps/mirror.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';
import { policyMaps } from './policy-maps.ts';
import type { Reconciler } from './reconciler.ts';

export type LocalPodsOptions = {
  kube: Kube;
  datapath: Datapath;
  state: ClusterState;
  registry: IdentityRegistry;
  /** The pods with programs and policy, by {@link ownerKey}: filled here. */
  endpoints: Map<string, Endpoint>;
  reconciler: Pick<Reconciler, 'policyOf'>;
  /** Writes policy and addresses as things are now. @returns whose policy could not be written, and why. */
  reconcile: () => ReadonlyMap<Endpoint, Error>;
};

export type LocalPods = EndpointHooks & {
  /**
   * Takes over the pods that an earlier agent has attached. All have their policies before any address is written, for
   * a policy from before does not know ranges and pods that have come since.
   * @returns those of which it could not be done: they keep the policy that they had.
   */
  adopt(links: readonly PodEndpoint[], signal: AbortSignal): Promise<readonly PodEndpoint[]>;
  /** Forgets what an earlier agent has loaded of pods that are none of these. */
  settle(there: readonly PodEndpoint[]): void;
};

/** What becomes of a pod of this node when it is connected, and when it is gone. */
export function localPods(options: LocalPodsOptions): LocalPods {
  const { datapath, registry, reconciler, endpoints, reconcile } = options;
  const mirror = mirrorOf(datapath.endpoints);
  const policies = policyMaps(datapath.policies);
  const open = async (link: PodEndpoint, signal: AbortSignal): Promise<Endpoint> => {
    const pod = await factsOf(options, link, signal);
    const identity = await registry.ensure(pod.labels);
    const policy = reconciler.policyOf(pod);
    const maps = { datapath, policies, endpoints: mirror };
    const endpoint = endpoints.get(ownerKey(link)) ?? (await openEndpoint(maps, link, { pod, identity, policy }));
    endpoints.set(ownerKey(link), endpoint);
    return endpoint;
  };
  return {
    async attach(link, signal) {
      const endpoint = await open(link, signal);
      const failure = reconcile().get(endpoint);
      if (failure !== undefined) throw failure;
      datapath.attachPod(link.ifindex);
    },
    async adopt(links, signal) {
      const opened = await Promise.allSettled(links.map((link) => open(link, signal)));
      reconcile();
      for (const { link } of endpoints.values()) datapath.attachPod(link.ifindex);
      return links.filter((_, index) => opened[index]?.status === 'rejected');
    },
    async detach(link) {
      const endpoint = endpoints.get(ownerKey(link));
      endpoints.delete(ownerKey(link));
      const removed = endpoint?.remove();
      try {
        reconcile();
      } finally {
        await removed;
      }
    },
    settle(there) {
      mirror.keepOnly(there.flatMap(({ addresses }) => addresses.map(parseAddress)));
      const records = mirror.entries().map(({ value }) => endpointOf(value).id);
      policies.keepOnly(new Set(records));
    },
    async check(link) {
      const { ifindex, addresses } = link;
      const faults = datapath.isAttached(ifindex) ? [] : ['its programs are not at its link'];
      const endpoint = endpoints.get(ownerKey(link));
      if (endpoint === undefined || datapath.policies.lookup(uint32(endpoint.id)) === null) {
        return [...faults, 'its policy is not loaded'];
      }
      for (const address of addresses) {
        const record = datapath.endpoints.lookup(parseAddress(address));
        const known = record === null ? null : endpointOf(record);
        if (known?.id !== endpoint.id || known.ifindex !== ifindex)
          faults.push(`programs do not know it by ${address}`);
      }
      return faults;
    },
  };
}

/**
 * The runtime may hear of a pod before this agent does: then the API server is asked. So it is where the runtime does not
 * say which one of that name it means, which is then the one that there is.
 * @throws CniError where the API server does not answer, or knows no such pod (any more).
 */
async function factsOf(
  { kube, state }: LocalPodsOptions,
  { pod: { namespace, name, uid } }: PodEndpoint,
  signal: AbortSignal,
): Promise<PodFacts> {
  const known = state.pod(namespace, name);
  if (known !== null && known.uid === uid) return known;
  const ask = <T>(path: string): Promise<T> => kube.json<T>('GET', path, { signal });
  const path = `/api/v1/namespaces/${namespace}`;
  const [pod, of] = await Promise.all([ask<V1Pod>(`${path}/pods/${name}`), ask<V1Namespace>(path)]).catch((error) => {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
    throw new CniError(cniCodes.tryAgainLater, `the API server does not tell of pod ${namespace}/${name}: ${why}`);
  });
  const facts = podFacts(pod, of);
  if (uid !== '' && facts.uid !== uid) {
    throw new CniError(
      cniCodes.tryAgainLater,
      `pod ${namespace}/${name} is not ${uid} any more, but ${facts.uid}`,
      'The runtime asks for a pod that has been replaced: it removes that sandbox in time.',
    );
  }
  return facts;
}

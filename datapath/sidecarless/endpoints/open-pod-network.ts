import type { Kube } from '../../../clusters/kube/kube.ts';
import type { Watched } from '../agent/watched.ts';
import { openIpam } from '../cni/ipam.ts';
import type { PodNetwork } from '../cni/pod-network.ts';
import { attachNode } from '../node/attach-node.ts';
import type { OwnNode } from '../node/own-node.ts';
import { nodePaths } from '../node/paths.ts';
import { localPods } from './local-pods.ts';
import { takeOverPods } from './take-over.ts';

/**
 * Opens the network of the node's pods: first for those that an earlier agent has connected, which have their policies
 * before the node's own programs are attached. From then on what changes is written.
 */
export async function openPodNetwork(
  kube: Kube,
  { facts, uplink, datapath }: OwnNode,
  watched: Watched,
  signal: AbortSignal,
): Promise<PodNetwork> {
  const { state, identities: registry, endpoints, reconciler, reconciling } = watched;
  const ipam = await openIpam({ directory: nodePaths.leases, cidrs: facts.podCidrs });
  const hooks = localPods({ kube, datapath, state, registry, endpoints, reconciler, reconcile: reconciling.now });
  await takeOverPods(ipam, hooks, signal);
  watched.onAdopted();
  await attachNode(datapath, uplink, nodePaths.cgroup);
  reconciling.begin();
  return { ipam, hooks, mtu: uplink.mtu };
}

import { stringify } from 'yaml';
import { outsideNode, type Pool, poolLabel } from '../cluster.ts';
import { clusterName } from './paths.ts';

/** What a kind cluster is to be. `apiPort` is the loopback port of the API server, where the engine runs. */
export type KindConfigInput = { pools: readonly Pool[]; image: string; apiPort: number; cgroupV1: boolean };

/** The pool of the node that belongs to no data plane; the control plane has its networking too. */
const outside = outsideNode.pool;

/**
 * kind's configuration: a control plane, two workers for each pool and one outside, without the network and kube-proxy
 * that kind brings, which are the data planes' business. Workers have the names that they have on every kind of cluster.
 */
export function kindConfig({ pools, image, apiPort, cgroupV1 }: KindConfigInput): string {
  return stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    name: clusterName,
    networking: {
      ipFamily: 'ipv4',
      disableDefaultCNI: true,
      kubeProxyMode: 'none',
      apiServerAddress: '127.0.0.1',
      apiServerPort: apiPort,
    },
    nodes: [
      {
        role: 'control-plane',
        image,
        labels: { [poolLabel]: outside },
        // There is no DNS on the embedded cluster either, and nothing that asks for it.
        kubeadmConfigPatches: [
          stringify({ kind: 'InitConfiguration', skipPhases: ['preflight', 'addon/kube-proxy', 'addon/coredns'] }),
        ],
      },
      ...kindWorkers(pools).map(({ node, label }) => ({
        role: 'worker',
        image,
        labels: { [poolLabel]: label },
        kubeadmConfigPatches: [stringify({ kind: 'JoinConfiguration', nodeRegistration: { name: node } })],
      })),
    ],
    kubeadmConfigPatches: [
      stringify({
        kind: 'KubeletConfiguration',
        // A host whose root lacks CAP_SYS_RESOURCE cannot lower oom_score_adj, in a user namespace or not.
        featureGates: { KubeletInUserNamespace: true },
        ...(cgroupV1 ? { failCgroupV1: false } : {}),
      }),
    ],
  });
}

/** A worker: its node's name, its pool, and the name that kind gives its container. */
export type KindWorker = { node: string; label: string; container: string };

/** The workers of a cluster, in the order in which kind makes and counts them. */
export function kindWorkers(pools: readonly Pool[]): KindWorker[] {
  return [
    ...pools.flatMap(({ name, nodes }) => nodes.map((node) => ({ node, label: name }))),
    { node: outsideNode.name, label: outside },
  ].map((worker, index) => ({ ...worker, container: `${clusterName}-worker${index === 0 ? '' : index + 1}` }));
}

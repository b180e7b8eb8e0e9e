import type { Kube } from './kube/kube.ts';

/** Where a cluster comes from. */
export const clusterKinds = ['netns', 'kind'] as const;
export type ClusterKind = (typeof clusterKinds)[number];

/**
 * Two nodes that one data plane has to itself. `name` is the contender's name in results and the value of the node
 * label `lab.dataplane`; it equals the data plane's id unless the same data plane runs twice, under a name of its own.
 */
export type Pool = {
  readonly name: string;
  readonly dataPlane: string;
  /** The generator's node (cross-node) and the workload's node. */
  readonly nodes: readonly [first: string, second: string];
  /** Namespace of the scenario's workload. */
  readonly namespace: string;
  /** Namespace of the data plane's own components. */
  readonly systemNamespace: string;
};

/** The pool of that name: node names, namespaces and label all follow from it. */
export function poolOf(name: string, dataPlane: string): Pool {
  return {
    name,
    dataPlane,
    nodes: [`${name}-1`, `${name}-2`],
    namespace: `lab-${name}`,
    systemNamespace: `lab-${name}-system`,
  };
}

/** The node label that says which pool a node belongs to; the node outside all pools has the value `outside`. */
export const poolLabel = 'lab.dataplane';

/** The node outside all pools: `none`'s networking, for what belongs to no data plane. */
export const outsideNode = { name: 'outside', pool: 'outside' } as const;

/** A running cluster: a kubeconfig and nodes that run pods. All else is asked through the Kubernetes API. */
export type Cluster = {
  readonly kind: ClusterKind;
  /** Path of a kubeconfig that any kubectl on the host can use. */
  readonly kubeconfig: string;
  readonly pools: readonly Pool[];
  readonly kube: Kube;
};

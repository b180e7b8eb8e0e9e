/**
 * Addresses of the embedded cluster. All of them live in network namespaces of the lab's own, so they collide with
 * nothing of the host.
 */
export const addressPlan = {
  /** The nodes' network, one bridge. */
  controlPlane: '172.30.0.2',
  nodePrefixLength: 24,
  nodeAddress: (index: number): string => `172.30.0.${10 + index}`,
  podCidr: '10.244.0.0/16',
  podCidrOf: (index: number): string => `10.244.${index}.0/24`,
  serviceCidr: '10.96.0.0/16',
  apiserverPort: 6443,
  /**
   * A link of the supervisor's own into each namespace, as a kubelet is on its node: probes and logs do not cross the
   * nodes' network. Index 0 is the control plane's.
   */
  legHere: (index: number): string => `169.254.${index}.1`,
  legThere: (index: number): string => `169.254.${index}.2`,
  legPrefixLength: 30,
  kubeletPort: 10250,
} as const;

/** Nodes are numbered from 1; the third octet of a pod CIDR is the last number. */
export const maximumNodes = 200;

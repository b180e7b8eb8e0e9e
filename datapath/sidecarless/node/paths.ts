/** Where things are: on a node, and in the agent's container, which has them at the same places. */
export const nodePaths = {
  /** What the agent keeps while the node is up: addresses in use, and its socket. */
  run: '/run/lab-sidecarless',
  socket: '/run/lab-sidecarless/agent.sock',
  leases: '/run/lab-sidecarless/leases',
  /** A bpffs of the node's, where programs and maps outlive the agent. */
  bpf: '/run/lab-sidecarless/bpf',
  netns: '/run/netns',
  cgroup: '/host/cgroup',
  cniPrograms: '/host/cni/bin',
  cniConfiguration: '/host/cni/net.d',
} as const;

/** Where the image has the agent, the object files and the CNI plugin. */
export const imageFiles = {
  agent: '/opt/lab/bin/sidecarless-agent.mjs',
  objects: '/opt/lab/share/bpf',
  plugin: '/opt/lab/share/cni/lab-sidecarless',
} as const;

/** On the node's own address, for probes and for `lab`. */
export const statusPort = 9964;

/** ConfigMap of a namespace with what its sidecars must know of the control plane, and its keys. */
export const meshConfigMap = { name: 'lab-mesh', root: 'root.pem', control: 'control' } as const;

/** Directories of the agent's container. */
export const directories = { token: '/var/run/lab/token', mesh: '/var/run/lab/mesh', agent: '/var/run/lab/agent' };

/** Unix socket on which the agent serves Envoy. */
export const agentSocket = `${directories.agent}/sds.sock`;

/** Where the image has its programs. */
export const programs = {
  control: '/opt/lab/bin/sidecar-control.mjs',
  agent: '/opt/lab/bin/sidecar-agent.mjs',
  drain: '/opt/lab/bin/sidecar-drain.mjs',
} as const;

/** Where the image has the descriptors of Envoy's API. */
export const descriptorsPath = '/opt/lab/share/envoy-descriptors.binpb';

/** The control plane's service account, and the DNS name in its certificate. */
export const controlServiceAccount = 'sidecar-control';
export const controlDnsName = 'control.lab.local';

/** How a sidecar calls itself to the control plane. */
export function nodeId(pod: string, namespace: string): string {
  return `sidecar~${pod}.${namespace}`;
}

/** The pod of {@link nodeId} in this namespace; null for any other name. */
export function podOfNode(id: string, namespace: string): string | null {
  const [, pod] = /^sidecar~(.+)$/.exec(id) ?? [];
  return pod?.endsWith(`.${namespace}`) ? pod.slice(0, -namespace.length - 1) : null;
}

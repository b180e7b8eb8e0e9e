/** Makes the policies of the rows, in one namespace, as users write them. */
export function documentsIn(namespace: string) {
  const document = (apiVersion: string, kind: string, metadata: object, spec: object): object => ({
    apiVersion,
    kind,
    metadata,
    spec,
  });
  return {
    cilium: (name: string, spec: object) => document('cilium.io/v2', 'CiliumNetworkPolicy', { name, namespace }, spec),
    clusterwide: (name: string, spec: object) =>
      document('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', { name }, spec),
    kubernetes: (name: string, spec: object) =>
      document('networking.k8s.io/v1', 'NetworkPolicy', { name, namespace }, spec),
  };
}

export type Documents = ReturnType<typeof documentsIn>;

export const client = { matchLabels: { app: 'client' } };
export const client2 = { matchLabels: { app: 'client2' } };
export const clients = { matchExpressions: [{ key: 'app', operator: 'In', values: ['client', 'client2'] }] };
export const servers = { matchExpressions: [{ key: 'app', operator: 'In', values: ['near', 'far'] }] };
export const everyPod = {};

/** Pods of a namespace, for policies that may name one. */
export function podsOf(namespace: string, labels: object = {}): object {
  return { matchLabels: { 'k8s:io.kubernetes.pod.namespace': namespace, ...labels } };
}

export function withServiceAccount(name: string): object {
  return { matchLabels: { 'io.cilium.k8s.policy.serviceaccount': name } };
}

/** An element of `toPorts`: `port` is a number or a name. */
export function ports(port: string, protocol = 'TCP', endPort?: number): object {
  return { ports: [{ port, protocol, ...(endPort === undefined ? {} : { endPort }) }] };
}

export const echoRequests = [{ fields: [{ family: 'IPv4', type: 'EchoRequest' }] }];

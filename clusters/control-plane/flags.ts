/** Where the control plane listens and what it is told about the cluster. Paths are of files made by `start.ts`. */
export type ControlPlaneSettings = {
  /** Directory of certificates, kubeconfigs and etcd's data. */
  directory: string;
  /** The API server's address on the nodes' network. */
  address: string;
  port: number;
  serviceCidr: string;
  podCidr: string;
};

const issuer = 'https://kubernetes.default.svc.cluster.local';

/** etcd on the loopback of the control plane's own namespace; nothing is kept beyond the cluster's life, so no fsync. */
export function etcdFlags({ directory }: ControlPlaneSettings): string[] {
  return [
    '--name=lab',
    `--data-dir=${directory}/etcd`,
    '--unsafe-no-fsync',
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--initial-advertise-peer-urls=http://127.0.0.1:2380',
    '--initial-cluster=lab=http://127.0.0.1:2380',
    '--log-level=warn',
  ];
}

/** RBAC, own service-account key, and kubelets dialled at the address that the embedded nodes publish for it. */
export function apiserverFlags({ directory, address, port, serviceCidr }: ControlPlaneSettings): string[] {
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    '--bind-address=0.0.0.0',
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${directory}/apiserver.crt`,
    `--tls-private-key-file=${directory}/apiserver.key`,
    `--client-ca-file=${directory}/ca.crt`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    // For a handful of clients etcd itself is fast enough, and a cache for each kind of object ticks when nothing happens.
    '--watch-cache=false',
    `--service-cluster-ip-range=${serviceCidr}`,
    `--service-account-issuer=${issuer}`,
    `--service-account-key-file=${directory}/service-account.pub`,
    `--service-account-signing-key-file=${directory}/service-account.key`,
    `--kubelet-client-certificate=${directory}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${directory}/apiserver-kubelet-client.key`,
    `--kubelet-certificate-authority=${directory}/ca.crt`,
    '--kubelet-preferred-address-types=InternalDNS,InternalIP',
    '--profiling=false',
  ];
}

/** All default controllers but those for what the embedded cluster does not have: cloud, persistent volumes. */
export function controllerManagerFlags({ directory, podCidr }: ControlPlaneSettings): string[] {
  const absent = [
    'persistentvolume-binder-controller',
    'persistentvolume-attach-detach-controller',
    'persistentvolume-expander-controller',
    'persistentvolumeclaim-protection-controller',
    'persistentvolume-protection-controller',
    'ephemeral-volume-controller',
    'node-ipam-controller',
    'service-lb-controller',
    'node-route-controller',
    'cloud-node-lifecycle-controller',
  ];
  return [
    `--kubeconfig=${directory}/controller-manager.kubeconfig`,
    `--authentication-kubeconfig=${directory}/controller-manager.kubeconfig`,
    `--authorization-kubeconfig=${directory}/controller-manager.kubeconfig`,
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${directory}/service-account.key`,
    `--root-ca-file=${directory}/ca.crt`,
    `--cluster-cidr=${podCidr}`,
    '--allocate-node-cidrs=false',
    // Its many controllers each ask for a token as they start: the default of 20 requests/s makes that take seconds.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    `--controllers=*,${absent.map((name) => `-${name}`).join(',')}`,
    '--bind-address=127.0.0.1',
    '--profiling=false',
  ];
}

export function schedulerFlags({ directory }: ControlPlaneSettings): string[] {
  return [
    `--kubeconfig=${directory}/scheduler.kubeconfig`,
    `--authentication-kubeconfig=${directory}/scheduler.kubeconfig`,
    `--authorization-kubeconfig=${directory}/scheduler.kubeconfig`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    '--profiling=false',
  ];
}

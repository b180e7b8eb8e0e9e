import type { V1Pod } from '@kubernetes/client-node';
import type { EtcFiles } from '../container/rootfs.ts';

/** A pod's host name: as it asks, else its name, at most 63 characters; the node's own on the node's network. */
export function hostnameOf(pod: V1Pod, nodeName: string): string {
  if (pod.spec?.hostNetwork) return nodeName;
  return (pod.spec?.hostname ?? pod.metadata?.name ?? '').slice(0, 63).replace(/[-.]+$/, '');
}

/** What kubelet writes into a pod's /etc. The embedded cluster has no DNS server unless a pod names one. */
export function etcFiles(pod: V1Pod, { nodeName, podIp }: { nodeName: string; podIp: string }): EtcFiles {
  const hostname = hostnameOf(pod, nodeName);
  return { hosts: hosts(pod, hostname, podIp), hostname: `${hostname}\n`, 'resolv.conf': resolvConf(pod) };
}

function hosts(pod: V1Pod, hostname: string, podIp: string): string {
  const { subdomain, hostAliases = [] } = pod.spec ?? {};
  const domain = `${subdomain}.${pod.metadata?.namespace}.svc.cluster.local`;
  const names = subdomain === undefined ? hostname : `${hostname}.${domain}\t${hostname}`;
  const lines = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', `${podIp}\t${names}`];
  const aliases = hostAliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`);
  return `${[...lines, ...aliases].join('\n')}\n`;
}

function resolvConf(pod: V1Pod): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {} } = pod.spec ?? {};
  const namespace = pod.metadata?.namespace;
  const clusterFirst = dnsPolicy === 'ClusterFirst' || dnsPolicy === 'ClusterFirstWithHostNet';
  const searches = [
    ...(clusterFirst ? [`${namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'] : []),
    ...(dnsConfig.searches ?? []),
  ];
  const options = [
    ...(clusterFirst ? ['ndots:5'] : []),
    ...(dnsConfig.options ?? []).map(({ name, value }) => (value === undefined ? name : `${name}:${value}`)),
  ];
  return [
    ...(dnsConfig.nameservers ?? []).map((address) => `nameserver ${address}\n`),
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}\n`]),
  ].join('');
}

import { ipcacheKey, ipcacheRecord } from '../abi/ipcache.ts';
import { numbers } from '../abi/numbers.ts';
import { addressFor, type NodeFacts } from '../cluster/node-facts.ts';
import type { PodFacts } from '../cluster/pod-facts.ts';
import { gateways } from '../cni/gateway.ts';
import type { MapEntry } from '../libbpf/map.ts';
import type { AddressRange } from './address-ranges.ts';

export type IpcacheInput = {
  ownNode: string;
  /** Those of its own links, whether the API knows them or not. */
  ownAddresses: readonly string[];
  nodes: readonly NodeFacts[];
  /** Addresses of the API server. Those that are no node's are among `ranges`. */
  apiServers: readonly string[];
  /** With the number of each; null while it has none. */
  pods: readonly { pod: PodFacts; identity: number | null }[];
  ranges: readonly AddressRange[];
};

/** Who is at which address, as the datapath looks it up. Later entries take the place of earlier ones of the same key. */
export function ipcacheEntries({ ownNode, ownAddresses, nodes, apiServers, pods, ranges }: IpcacheInput): MapEntry[] {
  const { IPCACHE_CLUSTER: cluster, IPCACHE_LOCAL: local } = numbers.ipcache_flag;
  const { IDENTITY_HOST, IDENTITY_INIT, IDENTITY_REMOTE_NODE, IDENTITY_API_SERVER } = numbers.identity;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const nextHop = (name: string, address: string): string | null => {
    const node = byName.get(name);
    return name === ownNode || node === undefined ? null : addressFor(node, address);
  };
  const whole = (address: string): Uint8Array => ipcacheKey(address, address.includes(':') ? 128 : 32);
  const entry = (key: Uint8Array, identity: number, flags: number, node: string | null): MapEntry => ({
    key,
    value: ipcacheRecord(identity, flags, node),
  });
  return [
    ...ranges.map(({ cidr, identity }) => {
      const [address = '', bits = '0'] = cidr.text.split('/');
      return entry(ipcacheKey(address, Number(bits)), identity.id, 0, null);
    }),
    ...nodes.flatMap(({ name, podCidrs }) =>
      podCidrs.map((range) => {
        const [address = '', bits = '0'] = range.split('/');
        const flags = cluster | (name === ownNode ? local : 0);
        return entry(ipcacheKey(address, Number(bits)), IDENTITY_INIT, flags, nextHop(name, address));
      }),
    ),
    // The link-local gateways of pods are the node itself.
    ...[...Object.values(gateways), ...ownAddresses].map((address) =>
      entry(whole(address), IDENTITY_HOST, cluster | local, null),
    ),
    ...nodes.flatMap(({ name, addresses, externalAddresses }) =>
      [...externalAddresses, ...addresses].map((address) => {
        if (name === ownNode) return entry(whole(address), IDENTITY_HOST, cluster | local, null);
        return entry(
          whole(address),
          apiServers.includes(address) ? IDENTITY_API_SERVER : IDENTITY_REMOTE_NODE,
          cluster,
          null,
        );
      }),
    ),
    ...pods.flatMap(({ pod, identity }) =>
      pod.addresses.map((address) => {
        const flags = cluster | (pod.node === ownNode ? local : 0);
        return entry(whole(address), identity ?? IDENTITY_INIT, flags, nextHop(pod.node, address));
      }),
    ),
  ];
}

import { exec } from '../../../clusters/exec.ts';
import { numbers } from '../../../datapath/sidecarless/abi/numbers.ts';
import { linkIdentity } from '../../../datapath/sidecarless/cni/link-identity.ts';
import { createPodLink } from '../../../datapath/sidecarless/cni/veth.ts';
import { namespaceCookie } from '../../../datapath/sidecarless/netlink/network-namespace.ts';
import { type Actor, startActor } from './test-actor.ts';
import type { TestMaps } from './test-maps.ts';

/** A pod of this node, or a place on another one, with programs that make socket calls in it. */
export type TestPod = {
  name: string;
  /** Path of its network namespace. */
  netns: string;
  v4: string;
  v6: string;
  identity: number;
  /** The pod's number on its node; 0 elsewhere. */
  endpoint: number;
  /** Its link on the node by name and index. */
  link: string;
  ifindex: number;
  actor: Actor;
  /** Starts another program in it. */
  start(): Actor;
};

const mtu = 1450;

/** Makes a pod with its namespace and link; `attach` is given the link's index before anything passes. */
export async function addPod(
  { name, number, cgroup, maps }: { name: string; number: number; cgroup: string; maps: TestMaps },
  attach: (ifindex: number) => void,
): Promise<TestPod> {
  const netns = await addNamespace(name);
  const addresses = { v4: `10.7.0.${number + 1}`, v6: `fd00:7::${number + 1}` };
  const known = { name, netns, ...addresses, identity: 1000 + number, endpoint: number };
  let ifindex = 0;
  await createPodLink({ ...ownerOf(name), netns, addresses: Object.values(addresses), mtu }, async (index) => {
    ifindex = index;
    putPod(maps, { ...known, ifindex }, 0);
    attach(index);
  });
  const { hostName: link } = linkIdentity(ownerOf(name));
  const start = (): Actor => startActor(netns, cgroup);
  return { ...known, link, ifindex, actor: start(), start };
}

/** Tells the maps of a pod. */
export function putPod(
  maps: TestMaps,
  { name, netns, v4, v6, identity, endpoint, ifindex }: Omit<TestPod, 'link' | 'actor' | 'start'>,
  flags: number,
): void {
  const { mac, nodeMac } = linkIdentity(ownerOf(name));
  const { IPCACHE_CLUSTER, IPCACHE_LOCAL } = numbers.ipcache_flag;
  for (const address of [v4, v6]) {
    maps.putEndpoint(address, { id: endpoint, ifindex, identity, flags, netns: namespaceCookie(netns), mac, nodeMac });
    maps.putIdentity(address, identity, IPCACHE_CLUSTER | IPCACHE_LOCAL, null);
  }
}

/** Makes a network namespace with its loopback up. */
export async function addNamespace(name: string): Promise<string> {
  await exec('sh', ['-ec', 'ip netns add "$0"; ip -n "$0" link set lo up', name]);
  return `/run/netns/${name}`;
}

function ownerOf(name: string): { containerId: string; ifname: string } {
  return { containerId: name, ifname: 'eth0' };
}

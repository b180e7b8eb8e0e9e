import { addAddress } from '../netlink/address.ts';
import { addVethPair, bringLinkUp, prepareLink } from '../netlink/link.ts';
import { setNeighbour } from '../netlink/neighbour.ts';
import type { Netlink } from '../netlink/netlink.ts';
import { routeToGateway, routeToLink } from '../netlink/route.ts';
import { gatewayOf } from './gateway.ts';
import type { Owner } from './lease.ts';
import { linkIdentity } from './link-identity.ts';

/** What a pod's link is made from. `mtu` in bytes, the uplink's. */
export type LinkPlan = Owner & { netns: string; addresses: readonly string[]; mtu: number };

/**
 * On the node, first: makes the pair, whose other side is in the network namespace of a descriptor, and the way to it.
 * @returns the interface index of the node's side.
 */
export function makeNodeSide(netlink: Netlink, plan: LinkPlan, podFd: number): number {
  const { ifname, addresses, mtu } = plan;
  const { hostName, alias, mac, nodeMac } = linkIdentity(plan);
  addVethPair(netlink, { name: hostName, mac: nodeMac, mtu }, { name: ifname, mac, mtu, namespaceFd: podFd });
  const index = netlink.linkIndex(hostName);
  // Link-local addresses would be announced, by packets that no policy knows.
  prepareLink(netlink, index, { alias });
  bringLinkUp(netlink, index);
  for (const address of addresses) {
    setNeighbour(netlink, index, address, mac);
    routeToLink(netlink, index, address);
  }
  return index;
}

/** In the pod: all that it needs. From the moment that its side is up packets come and go. */
export function makePodSide(netlink: Netlink, plan: LinkPlan): void {
  const { ifname, addresses } = plan;
  const { nodeMac } = linkIdentity(plan);
  const index = netlink.linkIndex(ifname);
  prepareLink(netlink, index);
  for (const address of addresses) addAddress(netlink, index, address);
  bringLinkUp(netlink, index);
  for (const address of addresses) {
    setNeighbour(netlink, index, gatewayOf(address), nodeMac);
    routeToGateway(netlink, index, gatewayOf(address));
  }
}

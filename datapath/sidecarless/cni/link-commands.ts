import { isIPv6 } from 'node:net';
import { defaultRouteOf, gatewayOf, withPrefix } from './gateway.ts';
import type { Owner } from './lease.ts';
import { linkIdentity } from './link-identity.ts';

/** What a pod's link is made from. `mtu` in bytes, the uplink's. */
export type LinkPlan = Owner & { netns: string; addresses: readonly string[]; mtu: number };

/** Lines for `ip -batch` by where they run. */
export type LinkCommands = {
  /** On the node, first: makes the pair and the way to it, and prints the node's side. */
  onNode: string;
  /** In the pod: all that it needs. From the moment that its side is up packets come and go. */
  inPod: string;
};

/** How a pod's link is made, in the words of ip(8). */
export function linkCommands(plan: LinkPlan): LinkCommands {
  const { netns, ifname, addresses, mtu } = plan;
  const { hostName, alias, mac, nodeMac } = linkIdentity(plan);
  const side = (address: string): string => `address ${address} mtu ${mtu}`;
  return {
    onNode: lines([
      `link add ${hostName} ${side(nodeMac)} type veth peer name ${ifname} ${side(mac)} netns ${netns}`,
      // Link-local addresses would be announced, by packets that no policy knows.
      `link set dev ${hostName} addrgenmode none alias "${alias}" up`,
      ...addresses.flatMap((address) => [
        `neighbour replace ${address} lladdr ${mac} dev ${hostName} nud permanent`,
        `route replace ${withPrefix(address)} dev ${hostName}${isIPv6(address) ? '' : ' scope link'}`,
      ]),
      `link show dev ${hostName}`,
    ]),
    inPod: lines([
      `link set dev ${ifname} addrgenmode none`,
      ...addresses.map((address) => `address add ${withPrefix(address)} dev ${ifname} nodad`),
      `link set dev ${ifname} up`,
      ...addresses.flatMap((address) => [
        `neighbour replace ${gatewayOf(address)} lladdr ${nodeMac} dev ${ifname} nud permanent`,
        `route replace ${defaultRouteOf(address)} via ${gatewayOf(address)} dev ${ifname} onlink`,
      ]),
    ]),
  };
}

function lines(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`;
}

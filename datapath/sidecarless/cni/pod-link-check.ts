import { z } from 'zod';
import { tryExec } from '../../../clusters/exec.ts';
import { gatewayOf } from './gateway.ts';
import type { LinkPlan } from './link-commands.ts';
import { linkIdentity } from './link-identity.ts';

const Link = z.looseObject({
  ifindex: z.int(),
  address: z.string(),
  flags: z.array(z.string()),
  addr_info: z.array(z.looseObject({ local: z.string().optional() })),
});
const Route = z.looseObject({ dst: z.string(), gateway: z.string().optional() });
const Neighbour = z.looseObject({ dst: z.string(), lladdr: z.string().optional() });
const Side = z.tuple([z.tuple([Link]), z.array(Route), z.array(Neighbour)]);
type Side = z.infer<typeof Side>;

type Expected = {
  mac: string;
  addresses: readonly string[];
  /** A destination with its gateway, null where it is on the link. */
  routes: readonly { destination: string; gateway: string | null }[];
  neighbours: readonly { address: string; mac: string }[];
};

/** What of a pod's link is not as it was made, in words: none when all is. `ifindex` is the node's side, if it is there. */
export type LinkCheck = { ifindex: number | null; faults: readonly string[] };

/** One line of JSON for each list, first the node's side, then the pod's. */
const script = `show() {
  ip -json -batch - <<EOF
address show dev $1
route show table all dev $1
neighbour show dev $1 nud permanent
EOF
}
case $1 in
node) show "$2" && exec nsenter --net="$4" sh -c "$0" "$0" pod "$3" ;;
pod) show "$2" ;;
esac
`;

/** Looks at both sides of a pod's link. The MTU is let alone: the uplink's may have changed since. */
export async function checkPodLink(plan: Omit<LinkPlan, 'mtu'>, signal: AbortSignal): Promise<LinkCheck> {
  const { netns, ifname, addresses } = plan;
  const { hostName, mac, nodeMac } = linkIdentity(plan);
  const args = ['-c', script, script, 'node', hostName, ifname, netns];
  const { exitCode, stdout, stderr } = await tryExec('sh', args, { signal });
  if (exitCode !== 0) return { ifindex: null, faults: [stderr.trim()] };
  const lists = stdout
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  const [node, pod] = [Side.parse(lists.slice(0, 3)), Side.parse(lists.slice(3))];
  const onNode: Expected = {
    mac: nodeMac,
    addresses: [],
    routes: addresses.map((address) => ({ destination: address, gateway: null })),
    neighbours: addresses.map((address) => ({ address, mac })),
  };
  const inPod: Expected = {
    mac,
    addresses,
    routes: addresses.map((address) => ({ destination: 'default', gateway: gatewayOf(address) })),
    neighbours: addresses.map((address) => ({ address: gatewayOf(address), mac: nodeMac })),
  };
  const faults = [
    ...faultsOf(node, onNode).map((fault) => `${hostName}: ${fault}`),
    ...faultsOf(pod, inPod).map((fault) => `${ifname}: ${fault}`),
  ];
  return { ifindex: node[0][0].ifindex, faults };
}

function faultsOf([[link], routes, neighbours]: Side, expected: Expected): string[] {
  const faults: string[] = [];
  if (!link.flags.includes('UP')) faults.push('is down');
  if (link.address !== expected.mac) faults.push(`has the link address ${link.address}, not ${expected.mac}`);
  for (const address of expected.addresses) {
    if (!link.addr_info.some(({ local }) => local === address)) faults.push(`lacks ${address}`);
  }
  for (const { destination, gateway } of expected.routes) {
    const isThere = routes.some((route) => route.dst === destination && (route.gateway ?? null) === gateway);
    if (!isThere) faults.push(`lacks the route to ${destination}${gateway === null ? '' : ` via ${gateway}`}`);
  }
  for (const { address, mac } of expected.neighbours) {
    const isThere = neighbours.some(({ dst, lladdr }) => dst === address && lladdr === mac);
    if (!isThere) faults.push(`lacks the neighbour ${address} at ${mac}`);
  }
  return faults;
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { LabError } from '../../../clusters/error.ts';
import { exec } from '../../../clusters/exec.ts';
import { addressFor, type NodeFacts } from '../cluster/node-facts.ts';

/** The node's link to the others. */
export type Uplink = { name: string; ifindex: number; mtu: () => number };

const Links = z.array(
  z.object({ ifname: z.string(), ifindex: z.int(), addr_info: z.array(z.object({ local: z.string().optional() })) }),
);

/** Finds the link that has the node's own address. */
export async function findUplink({ name, addresses }: NodeFacts, signal: AbortSignal): Promise<Uplink> {
  const { stdout } = await exec('ip', ['-json', 'address', 'show'], { signal });
  const link = Links.parse(JSON.parse(stdout)).find(({ addr_info }) =>
    addr_info.some(({ local = '' }) => addresses.includes(local)),
  );
  if (link === undefined) {
    throw new LabError('LAB_UPLINK_MISSING', {
      message: `No link of node ${name} has any of its addresses ${addresses.join(', ')}`,
      remedy: 'Compare `ip address` on the node with `kubectl get node -o wide`.',
    });
  }
  const path = `/sys/class/net/${link.ifname}/mtu`;
  return { name: link.ifname, ifindex: link.ifindex, mtu: () => Number(readFileSync(path, 'utf8')) };
}

/** Who has made a route (`rtm_protocol`): by this number the agent knows its own, those of an earlier one included. */
const routeProtocol = 76;

const Routes = z.array(z.object({ dst: z.string() }));

/**
 * Sends what the node itself sends to other nodes' pods by way of those nodes, and takes away the routes to nodes that
 * are gone.
 * @throws LabError naming the routes that cannot be made; all others are there then.
 */
export async function routePods(own: NodeFacts, nodes: readonly NodeFacts[], signal: AbortSignal): Promise<void> {
  const wanted = nodes
    .filter(({ name }) => name !== own.name)
    .flatMap((node) => node.podCidrs.map((range) => ({ range, via: addressFor(node, range) })))
    .filter(({ via }) => via !== null);
  const there = await Promise.all(['-4', '-6'].map((family) => routesOf(family, signal)));
  const gone = there.flat().filter((route) => wanted.every(({ range }) => range !== route));
  const lines = [
    ...gone.map((range) => `route delete ${range} proto ${routeProtocol}`),
    ...wanted.map(({ range, via }) => `route replace ${range} via ${via} proto ${routeProtocol}`),
  ];
  if (lines.length > 0) await exec('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
}

/** The agent's routes, of one family. */
async function routesOf(family: string, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await exec('ip', ['-json', family, 'route', 'show', 'proto', `${routeProtocol}`], { signal });
  return Routes.parse(JSON.parse(stdout.trim() || '[]')).map(({ dst }) => dst);
}

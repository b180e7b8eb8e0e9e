import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { LabError } from '../../../clusters/error.ts';
import { exec } from '../../../clusters/exec.ts';
import { addressFor, type NodeFacts } from './node-facts.ts';

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

/** Sends what the node itself sends to other nodes' pods by way of those nodes. */
export async function routePods(own: NodeFacts, nodes: readonly NodeFacts[], signal: AbortSignal): Promise<void> {
  const lines = nodes
    .filter(({ name }) => name !== own.name)
    .flatMap((node) =>
      node.podCidrs.flatMap((range) => {
        const via = addressFor(node, range);
        return via === null ? [] : [`route replace ${range} via ${via}`];
      }),
    );
  if (lines.length > 0) await exec('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
}

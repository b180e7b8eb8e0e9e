import { z } from 'zod';
import { exec } from '../../../clusters/exec.ts';
import type { Owner } from './lease.ts';
import { ownerOfAlias } from './link-identity.ts';

const Links = z.array(
  z.looseObject({
    ifindex: z.int(),
    ifname: z.string(),
    ifalias: z.string().optional(),
    flags: z.array(z.string()),
  }),
);

/** The node's side of a pod's link. One whose other side is down belongs to an ADD that has not finished. */
export type ListedLink = Owner & { hostName: string; ifindex: number; connected: boolean };

/** All links of this data plane's pods on the node, by what they say of themselves. */
export async function listPodLinks(signal: AbortSignal): Promise<ListedLink[]> {
  const { stdout } = await exec('ip', ['-json', 'link', 'show', 'type', 'veth'], { signal });
  return Links.parse(JSON.parse(stdout || '[]')).flatMap(({ ifindex, ifname, ifalias, flags }) => {
    const owner = ownerOfAlias(ifalias);
    return owner === null ? [] : [{ ...owner, hostName: ifname, ifindex, connected: flags.includes('LOWER_UP') }];
  });
}

import { createHash } from 'node:crypto';
import { formatMac } from '../address/mac.ts';
import { type Owner, ownerKey } from './lease.ts';

/** What a pod's link is called and addressed by; the same for the same owner, always. */
export type LinkIdentity = {
  /** The node's side, at most 15 bytes as the kernel has it. */
  hostName: string;
  /** Whose it is, as the link itself tells. */
  alias: string;
  /** The pod's own, and that of the node's side, which is the pod's gateway. */
  mac: string;
  nodeMac: string;
};

const aliasPrefix = 'lab-sidecarless ';

export function linkIdentity(owner: Owner): LinkIdentity {
  const hash = createHash('sha256').update(ownerKey(owner)).digest();
  return {
    hostName: `lxc${hash.toString('hex').slice(0, 11)}`,
    alias: `${aliasPrefix}${ownerKey(owner)}`,
    mac: macOf(hash.subarray(8, 14)),
    nodeMac: macOf(hash.subarray(16, 22)),
  };
}

/** The owner that a link's alias names; null where the link is none of ours. */
export function ownerOfAlias(alias: string | undefined): Owner | null {
  if (!alias?.startsWith(aliasPrefix)) return null;
  const [containerId = '', ifname = '', ...rest] = alias.slice(aliasPrefix.length).split('/');
  return containerId === '' || ifname === '' || rest.length > 0 ? null : { containerId, ifname };
}

/** Locally administered and for one receiver. */
function macOf(bytes: Uint8Array): string {
  const [first = 0, ...rest] = bytes;
  return formatMac(Uint8Array.of((first & 0xfc) | 0x02, ...rest));
}

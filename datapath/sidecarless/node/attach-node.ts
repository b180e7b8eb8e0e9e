import type { Datapath } from '../maps/datapath.ts';
import { findCgroupRoot } from './cgroup-root.ts';
import type { Uplink } from './uplink.ts';

/**
 * Attaches the programs that all pods of the node share: at its uplink, and at its pods' sockets. To be called when the
 * pods that are there have their policies: from then on nothing else stands between them and the network.
 * @param cgroups where the node's /sys/fs/cgroup is for this process.
 */
export async function attachNode(datapath: Datapath, uplink: Uplink, cgroups: string): Promise<void> {
  datapath.attachUplink(uplink.ifindex);
  datapath.attachCgroup(await findCgroupRoot(cgroups));
}

import { closeSync, openSync } from 'node:fs';
import { LabError } from '../../../clusters/error.ts';
import { deleteLink } from '../netlink/link.ts';
import { type Netlink, openNetlink } from '../netlink/netlink.ts';
import { NetlinkError } from '../netlink/netlink-error.ts';
import { openNetlinkIn } from '../netlink/network-namespace.ts';
import type { Owner } from './lease.ts';
import { type LinkPlan, makeNodeSide, makePodSide } from './link-commands.ts';
import { linkIdentity } from './link-identity.ts';

/**
 * Makes the veth pair of a pod: the node's side named after the container, the pod's in its namespace by `ifname`. The
 * pod's side stays down, and nothing passes, until `attach`, which is given the node's interface index, has resolved.
 * What has been made stays when something fails: {@link removePodLink} removes it.
 * @throws LabError LAB_POD_LINK_EXISTS when either side is there already, LAB_POD_LINK_FAILED in the kernel's words.
 */
export async function createPodLink(plan: LinkPlan, attach: (ifindex: number) => Promise<void>): Promise<void> {
  const { pod, ifindex } = inWordsOf(plan, () => beginLink(plan));
  try {
    await attach(ifindex);
    inWordsOf(plan, () => makePodSide(pod, plan));
  } finally {
    pod.close();
  }
}

/** Removes both sides of the pod's link, with the node's routes and neighbours by it. Repeating is no error. */
export async function removePodLink(owner: Owner): Promise<void> {
  inWordsOf(owner, () => {
    const node = openNetlink();
    try {
      deleteLink(node, linkIdentity(owner).hostName);
    } catch (error) {
      // The kernel removes it by itself when the pod's namespace has ended, and may be about to.
      if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
    } finally {
      node.close();
    }
  });
}

/** Makes the node's side. @returns its index, and an open socket about the pod's namespace, which that socket keeps. */
function beginLink(plan: LinkPlan): { pod: Netlink; ifindex: number } {
  const podFd = openSync(plan.netns, 'r');
  try {
    const pod = openNetlinkIn(podFd);
    try {
      const node = openNetlink();
      try {
        return { pod, ifindex: makeNodeSide(node, plan, podFd) };
      } finally {
        node.close();
      }
    } catch (error) {
      pod.close();
      throw error;
    }
  } finally {
    closeSync(podFd);
  }
}

/** @throws LabError that tells of the link of `owner` what went wrong. */
function inWordsOf<T>(owner: Owner, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    throw new LabError(cause.code === 'EEXIST' ? 'LAB_POD_LINK_EXISTS' : 'LAB_POD_LINK_FAILED', {
      message: `The link ${linkIdentity(owner).hostName} of ${owner.ifname} in sandbox ${owner.containerId} failed: ${cause.message}`,
      cause,
    });
  }
}

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
  try {
    const node = openNetlink();
    try {
      await deleteLink(node, linkIdentity(owner).hostName);
    } finally {
      node.close();
    }
  } catch (cause) {
    // The kernel removes it by itself when the pod's namespace has ended, and may be about to.
    if (cause instanceof NetlinkError && cause.code === 'ENODEV') return;
    throw linkError(owner, cause);
  }
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

/** @throws LabError that says of which link it is what went wrong. */
function inWordsOf<T>(owner: Owner, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw linkError(owner, cause);
  }
}

function linkError(owner: Owner, cause: unknown): unknown {
  // A refusal of the kernel's has a code, whoever asked: anything else is a fault of ours.
  if (!(cause instanceof Error) || !('code' in cause)) return cause;
  const { hostName } = linkIdentity(owner);
  return new LabError(cause.code === 'EEXIST' ? 'LAB_POD_LINK_EXISTS' : 'LAB_POD_LINK_FAILED', {
    message: `The link ${hostName} of ${owner.ifname} in sandbox ${owner.containerId} failed: ${cause.message}`,
    cause,
  });
}

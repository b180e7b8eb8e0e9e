import { closeSync, openSync } from 'node:fs';
import { check, libc } from './libc.ts';
import { type Netlink, openNetlink } from './netlink.ts';

/** `CLONE_NEWNET` */
const network = 0x40000000;

/**
 * Opens a socket about the network namespace of a descriptor.
 *
 * A socket belongs to the namespace that its thread is in when it is made, and setns(2) moves one thread: this one goes
 * there and back. Nothing may be awaited between, and nothing else started, or it would happen in there.
 * @throws NetlinkError where the descriptor is of no network namespace.
 */
export function openNetlinkIn(namespaceFd: number): Netlink {
  const homeFd = openSync('/proc/thread-self/ns/net', 'r');
  try {
    check('enter the network namespace', libc().setns(namespaceFd, network));
    try {
      return openNetlink();
    } finally {
      // Whatever this process did from here on it would do to the pod's network, believing it to be the node's.
      if (libc().setns(homeFd, network) !== 0) process.abort();
    }
  } finally {
    closeSync(homeFd);
  }
}

import { closeSync, openSync } from 'node:fs';
import { libc, resultOf } from './libc.ts';
import { type Netlink, openNetlink } from './netlink.ts';

/** `CLONE_NEWNET` */
const network = 0x40000000;

/**
 * Opens a socket about the network namespace of a descriptor.
 *
 * A socket belongs to the namespace that its thread is in when it is made, and setns(2) moves the calling thread alone:
 * it goes there and back in one stretch. Nothing may be awaited or started between, or it would happen in there.
 * @throws NetlinkError where the descriptor is of no network namespace.
 */
export function openNetlinkIn(namespaceFd: number): Netlink {
  const homeFd = openSync('/proc/thread-self/ns/net', 'r');
  try {
    resultOf('enter the network namespace', libc().setns(namespaceFd, network));
    try {
      return openNetlink();
    } finally {
      goHome(homeFd);
    }
  } finally {
    closeSync(homeFd);
  }
}

/** The number that BPF programs know a network namespace by; 0 where nothing is at its path any more. */
export function namespaceCookie(path: string): bigint {
  let namespaceFd: number;
  try {
    namespaceFd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0n;
    throw error;
  }
  try {
    const netlink = openNetlinkIn(namespaceFd);
    try {
      return netlink.namespaceCookie();
    } finally {
      netlink.close();
    }
  } finally {
    closeSync(namespaceFd);
  }
}

function goHome(homeFd: number): void {
  let isHome = false;
  try {
    isHome = libc().setns(homeFd, network) === 0;
  } finally {
    // Whatever this process did from here on it would do to the pod's network, believing it to be the node's.
    if (!isHome) process.abort();
  }
}

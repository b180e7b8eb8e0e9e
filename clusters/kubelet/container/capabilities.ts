import { readFileSync } from 'node:fs';

/** All capabilities in the order of their bits (capabilities(7)). */
const names = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...['LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER'],
  ...['SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE'],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP'],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
];

/** What a container has that asks for nothing: Docker's and containerd's set. */
const standard = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP'],
  ...['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
];

/** The capabilities that this host can give at all (its bounding set): a virtual machine may lack some. */
export function hostCapabilities(): ReadonlySet<string> {
  const status = readFileSync('/proc/self/status', 'utf8');
  return decodeCapabilities(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0');
}

/** Names (without `CAP_`) of the bits of a hexadecimal capability mask. */
export function decodeCapabilities(mask: string): ReadonlySet<string> {
  const bits = BigInt(`0x${mask}`);
  return new Set(names.filter((_, bit) => (bits >> BigInt(bit)) & 1n));
}

/**
 * A container's capabilities as `CAP_X`, in the order of their bits: the standard set plus `add` less `drop`, within
 * what the host has.
 */
export function containerCapabilities(
  { privileged, add, drop }: { privileged: boolean; add: readonly string[]; drop: readonly string[] },
  host: ReadonlySet<string>,
): string[] {
  const plain = (list: readonly string[]): Set<string> =>
    new Set(list.map((name) => name.toUpperCase().replace(/^CAP_/, '')));
  const added = plain(add);
  const dropped = plain(drop);
  const base = privileged || added.has('ALL') ? names : dropped.has('ALL') ? [] : standard;
  const wanted = new Set([...base.filter((name) => privileged || !dropped.has(name)), ...added]);
  return names.filter((name) => wanted.has(name) && host.has(name)).map((name) => `CAP_${name}`);
}

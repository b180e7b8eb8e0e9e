import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Settings of the kernel by name below /proc/sys (`kernel/panic`), and what they were before nodes of kind's started. */
export type KernelSettings = Readonly<Record<string, string>>;

/**
 * What a node of kind's makes of settings that are no namespace's own, and so of the host's: its kubelet
 * (https://github.com/kubernetes/kubernetes, pkg/util/sysctl), and its systemd by Debian's files in /usr/lib/sysctl.d.
 */
const nodeValues: KernelSettings = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
  'kernel/core_uses_pid': '1',
  'kernel/pid_max': '4194304',
  'kernel/sysrq': '438',
  'fs/protected_hardlinks': '1',
  'fs/protected_symlinks': '1',
  'fs/protected_regular': '2',
  'fs/protected_fifos': '1',
};

/** Those of the settings that nodes would change: to be written down before the first node starts. */
export async function settingsBeforeNodes(root = '/proc/sys'): Promise<KernelSettings> {
  const entries = await Promise.all(
    Object.entries(nodeValues).map(async ([name, value]) => [name, value, await read(root, name)] as const),
  );
  return Object.fromEntries(
    entries.flatMap(([name, value, before]) => (before === null || before === value ? [] : [[name, before]])),
  );
}

/** Puts back what nodes have changed, unless somebody else has changed it since. */
export async function resetSettings(before: KernelSettings, root = '/proc/sys'): Promise<void> {
  for (const [name, value] of Object.entries(before)) {
    if ((await read(root, name)) === nodeValues[name]) await writeFile(join(root, name), value);
  }
}

/** Null where this kernel has no such setting, or shows it to nobody. */
async function read(root: string, name: string): Promise<string | null> {
  const text = await readFile(join(root, name), 'utf8').catch(() => null);
  return text?.trim() ?? null;
}

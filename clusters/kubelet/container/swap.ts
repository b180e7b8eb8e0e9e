import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Whether the host's cgroups count swap, so that it can be limited; a kernel can be built or started without. cgroup v2
 * shows its file in every cgroup but the root, v1 in the root too.
 */
export function swapIsCounted(root = '/sys/fs/cgroup'): boolean {
  if (!existsSync(join(root, 'cgroup.controllers')))
    return existsSync(join(root, 'memory/memory.memsw.limit_in_bytes'));
  return readdirSync(root, { withFileTypes: true }).some(
    (entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'memory.swap.max')),
  );
}

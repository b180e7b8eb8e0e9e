import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import { type DebianTree, ensureDebianTree } from './debian-tree.ts';

const tree: DebianTree = {
  name: 'container engine',
  packages: ['docker.io', 'containerd', 'runc', 'iptables', 'iproute2', 'procps', 'kmod', 'mount', 'jq', 'pigz'],
};

/**
 * Runs runc without the capabilities that this host's root lacks: Docker asks for every capability there is for a
 * privileged container, and runc refuses one that it cannot give. They stand in the bundle's config.json (create, run)
 * and in the process file (exec).
 */
const runtimeWrapper = `#!/bin/bash
set -eu
bounding=$((16#$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)))
names=(chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
  net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
  sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
  mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore)
lacking=()
for bit in "\${!names[@]}"; do
  (( bounding >> bit & 1 )) || lacking+=("CAP_\${names[bit]^^}")
done
files=()
previous=
for argument in "$@"; do
  case $previous in --bundle | -b) files+=("$argument/config.json") ;; --process | -p) files+=("$argument") ;; esac
  case $argument in --bundle=*) files+=("\${argument#*=}/config.json") ;; --process=*) files+=("\${argument#*=}") ;; esac
  previous=$argument
done
if [ \${#lacking[@]} -gt 0 ]; then
  for file in "\${files[@]}"; do
    edited=$(jq --compact-output '
      def cut: if type == "object" then map_values(map(select(IN($ARGS.positional[]) | not))) else . end;
      if has("process") then .process.capabilities |= cut else .capabilities |= cut end
    ' "$file" --args "\${lacking[@]}")
    printf '%s' "$edited" > "$file"
  done
fi
exec /usr/sbin/runc "$@"
`;

/** Where the wrapper is in the tree. */
export const runtimeWrapperPath = '/usr/local/bin/lab-runc';

const recipeVersion = 1;

/** A file system with a Docker daemon in it, made of Debian packages unless the cache has it. */
export async function ensureEngineTree(context: CacheContext): Promise<string> {
  const hash = contentHash({ recipeVersion, tree, runtimeWrapper });
  const directory = join(cacheRoot(), `kind-engine-${hash}`);
  await ensureCached(directory, { name: tree.name, make: (draft) => makeTree(draft, context) }, context);
  return join(directory, 'root');
}

async function makeTree(draft: string, context: CacheContext): Promise<void> {
  const root = join(draft, 'root');
  await mkdir(root);
  await exec('tar', ['-xf', await ensureDebianTree(tree, context), '-C', root], { signal: context.signal });
  await writeFile(join(root, runtimeWrapperPath), runtimeWrapper);
  await chmod(join(root, runtimeWrapperPath), 0o755);
}

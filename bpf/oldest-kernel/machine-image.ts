import { chmod, copyFile, glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../clusters/exec.ts';
import { type DebianTree, ensureDebianTree } from '../../clusters/kind/debian-tree.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from '../../clusters/tools/cache.ts';

/** What a machine boots: a kernel and an initramfs. */
export type MachineImage = { kernel: string; initrd: string };

/** The cloud kernel has the same BPF as the other in a third of the size. */
const tree: DebianTree = {
  name: 'oldest kernel',
  packages: [
    ...['linux-image-cloud-amd64', 'tiny-initramfs', 'kmod', 'cpio'],
    ...['bpftool', 'iproute2', 'libbpf1', 'libstdc++6', 'make', 'mount', 'procps', 'python3', 'tcpdump', 'util-linux'],
  ],
  without: [
    '/usr/share/perl',
    '/usr/lib/x86_64-linux-gnu/perl',
    '/usr/lib/x86_64-linux-gnu/gconv',
    '/var/lib/dpkg/info',
    '/usr/lib/modules/*/kernel/fs',
    ...['comedi', 'hid', 'infiniband', 'md', 'net/ethernet', 'scsi', 'target'].map(
      (folder) => `/usr/lib/modules/*/kernel/drivers/${folder}`,
    ),
  ],
};

const recipeVersion = 1;

/** Debian 12 with its kernel, with this process's Node, made unless the cache has it. */
export async function ensureMachineImage(context: CacheContext): Promise<MachineImage> {
  const init = await readFile(join(import.meta.dirname, 'init.sh'), 'utf8');
  const hash = contentHash({ recipeVersion, tree, init, node: process.version });
  const directory = join(cacheRoot(), `oldest-kernel-${hash}`);
  const image: MachineImage = { kernel: join(directory, 'kernel'), initrd: join(directory, 'initrd') };
  const make = (draft: string): Promise<void> => makeImage(init, draft, context);
  await ensureCached(directory, { name: tree.name, series: 'oldest-kernel-', make }, context);
  return image;
}

async function makeImage(init: string, draft: string, context: CacheContext): Promise<void> {
  const { signal } = context;
  const root = join(draft, 'root');
  await mkdir(root);
  await exec('tar', ['-xf', await ensureDebianTree(tree, context), '-C', root], { signal });
  const [kernel] = await Array.fromAsync(glob('boot/vmlinuz-*', { cwd: root }));
  if (kernel === undefined) throw new Error('Debian’s packages brought no kernel');
  await rename(join(root, kernel), join(draft, 'kernel'));
  await rm(join(root, 'boot'), { recursive: true });
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'));
  await writeFile(join(root, 'init'), init);
  await chmod(join(root, 'init'), 0o755);
  const pack = 'cd "$1" && find . | chroot . cpio --create --format=newc --quiet > "$2"';
  await exec('sh', ['-c', pack, 'sh', root, join(draft, 'initrd')], { signal });
  await rm(root, { recursive: true });
}

import { dirname, join } from 'node:path';
import { contained } from '../contained.ts';
import { exec } from '../exec.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from '../tools/cache.ts';
import { ensurePackages } from '../tools/host-packages.ts';

/**
 * A Debian 12 file system: what is essential, and these packages with what they depend on, `without` files that nobody
 * needs there.
 */
export type DebianTree = { name: string; packages: readonly string[]; without?: readonly string[] };

const suite = 'bookworm';

/** Documentation and translations that nobody reads inside a container. */
const excluded = ['doc', 'man', 'info', 'locale', 'lintian', 'bug'].map((folder) => `/usr/share/${folder}/*`);

/**
 * A Debian tree as a tar, with its files' owners, made by mmdebstrap unless the cache has it: packages are verified
 * against Debian's keys, and the same packages give the same tar.
 */
export async function ensureDebianTree(tree: DebianTree, context: CacheContext): Promise<string> {
  const directory = join(cacheRoot(), `kind-debian-${contentHash({ suite, excluded, tree })}`);
  const make = (draft: string): Promise<void> => writeDebianTree(tree, join(draft, file), context);
  await ensureCached(directory, { name: `${tree.name}: file system`, make }, context);
  return join(directory, file);
}

const file = 'tree.tar';

async function writeDebianTree(
  { name, packages, without = [] }: DebianTree,
  output: string,
  { signal, progress }: CacheContext,
): Promise<void> {
  await ensurePackages(['mmdebstrap', 'debian-archive-keyring'], { signal, progress });
  progress(`${name}: file system from Debian packages (about a minute)`);
  const [file, args] = contained('nice', [
    ...['-n', '10', 'mmdebstrap', '--quiet', '--mode=root', '--variant=essential', `--include=${packages.join(',')}`],
    ...excluded.map((path) => `--dpkgopt=path-exclude=${path}`),
    // In the end, because packages may need them to install others.
    ...without.map((path) => `--customize-hook=rm -r "$1"${path}`),
    // Without a mirror it takes Debian's own, security updates included.
    ...[suite, output],
  ]);
  // mmdebstrap gives every file that is newer than this, its own among them, this time.
  await exec(file, args, { signal, env: { SOURCE_DATE_EPOCH: '0', TMPDIR: dirname(output) } });
}

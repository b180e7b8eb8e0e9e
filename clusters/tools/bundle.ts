import { join } from 'node:path';
import { exec } from '../exec.ts';
import type { CacheContext } from './cache.ts';
import { repository } from './repository.ts';

// Packages that are CommonJS call `require`, which a module does not have by itself.
const banner =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** How programs are bundled: a start that need not look for a thousand files takes half the time. */
export const bundleFlags: readonly string[] = [
  ...['--bundle', '--platform=node', '--format=esm', '--target=node22', `--banner:js=${banner}`],
  ...['--out-extension:.js=.mjs', '--log-level=error'],
];

/** The program itself: esbuild's own wrapper wants another Node in the PATH. */
export const esbuild = join(repository, 'node_modules/@esbuild/linux-x64/bin/esbuild');

/** Makes one file of each source and all that it imports, `<name>.mjs`: an image needs no sources and no packages. */
export async function bundle(
  entries: Readonly<Record<string, string>>,
  directory: string,
  { signal }: CacheContext,
): Promise<void> {
  const named = Object.entries(entries).map(([name, source]) => `${name}=${source}`);
  await exec(esbuild, [...named, ...bundleFlags, `--outdir=${directory}`], { cwd: repository, signal });
}

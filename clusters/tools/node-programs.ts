import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../exec.ts';
import type { CacheContext } from './cache.ts';

/** Programs of the repository that run in Node inside an image. */
export type NodePrograms = {
  /** The source of each, relative to the repository, by name. */
  entries: Readonly<Record<string, string>>;
  /** Top-level folders that they import from. */
  folders: readonly string[];
};

const repository = join(import.meta.dirname, '../..');

/**
 * Makes one file of each program and all that it imports, `<name>.mjs`: beside it an image needs no sources and no
 * packages, and a start that need not look for a thousand files takes half the time.
 */
export async function bundleNodePrograms(
  { entries }: NodePrograms,
  directory: string,
  { signal }: CacheContext,
): Promise<void> {
  // Packages that are CommonJS call `require`, which a module does not have by itself.
  const banner =
    "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";
  await exec(
    // The program itself: esbuild's own wrapper wants another Node in the PATH.
    join(repository, 'node_modules/@esbuild/linux-x64/bin/esbuild'),
    [
      ...Object.entries(entries).map(([name, source]) => `${name}=${source}`),
      ...['--bundle', '--platform=node', '--format=esm', '--target=node22', `--banner:js=${banner}`],
      ...[`--outdir=${directory}`, '--out-extension:.js=.mjs', '--log-level=error'],
    ],
    { cwd: repository, signal },
  );
}

/** What the programs are made of: path to content. The lock file stands for the packages. */
export function nodeProgramSources({ folders }: NodePrograms): Record<string, string> {
  const own = globSync(`{${folders.join(',')}}/**/*.ts`, { cwd: repository }).filter(
    (path) => !path.endsWith('.test.ts'),
  );
  return Object.fromEntries(
    [...own.sort(), 'package-lock.json'].map((path) => [path, readFileSync(join(repository, path), 'utf8')]),
  );
}

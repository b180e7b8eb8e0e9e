import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { exec } from '../../clusters/exec.ts';

/** Of esbuild's report on what it bundled: the imports that it left alone. */
const Metafile = z.object({
  outputs: z.record(z.string(), z.object({ imports: z.array(z.object({ path: z.string() })) })),
});

/** Of a package.json: what it needs besides itself. */
const Package = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/**
 * Folders below a repository (`node_modules/zod`) of the packages that some of its TypeScript files import, by way of
 * others of its files and of packages too.
 */
export async function importedPackages(
  repository: string,
  entries: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  if (entries.length === 0) return [];
  const found = new Set<string>();
  const queue = (await importedNames(repository, entries, signal)).map((name) => ({ from: '', name }));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const folder = folderOf(repository, next.from, next.name);
    if (folder === null || found.has(folder)) continue;
    found.add(folder);
    const text = await readFile(join(repository, folder, 'package.json'), 'utf8');
    const { dependencies, optionalDependencies } = Package.parse(JSON.parse(text));
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) queue.push({ from: folder, name });
  }
  return [...found].sort();
}

/** Null where there is none: packages for other platforms are dependencies that nobody has installed. */
function folderOf(repository: string, from: string, name: string): string | null {
  const candidates = [join(from, 'node_modules', name), join('node_modules', name)];
  return candidates.find((folder) => existsSync(join(repository, folder, 'package.json'))) ?? null;
}

async function importedNames(repository: string, entries: readonly string[], signal: AbortSignal): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-imports-'));
  try {
    const report = join(directory, 'metafile.json');
    await exec(
      join(repository, 'node_modules/@esbuild/linux-x64/bin/esbuild'),
      [
        ...[...entries, '--bundle', '--platform=node', '--format=esm', '--packages=external', '--log-level=error'],
        ...[`--outdir=${directory}`, `--metafile=${report}`],
      ],
      { cwd: repository, signal },
    );
    const { outputs } = Metafile.parse(JSON.parse(await readFile(report, 'utf8')));
    const paths = Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    return [...new Set(paths.filter((path) => !path.startsWith('node:')).map(packageName))];
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** `@scope/name` of `@scope/name/file`. */
function packageName(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
}

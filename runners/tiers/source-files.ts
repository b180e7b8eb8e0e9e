import { globSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** Files by the language that they are written in, as paths from their folder. */
export type SourceFiles = Readonly<Record<'c' | 'go' | 'python' | 'shell', readonly string[]>>;

/** The files below a folder that no package manager has put there. TypeScript and JSON are Biome's, which finds its own. */
export function sourceFiles(folder: string): SourceFiles {
  // Patterns do not reach into folders that begin with a dot: those of this repository that hold programs are named.
  const entries = globSync(['**/*', '.ci/**/*', '.github/**/*'], {
    cwd: folder,
    withFileTypes: true,
    exclude: ({ name }) => name === 'node_modules',
  });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const withExtension = (...extensions: string[]): string[] =>
    paths.filter((path) => extensions.includes(extname(path))).map((path) => path.slice(join(folder, '/').length));
  return {
    c: withExtension('.c', '.h'),
    go: withExtension('.go'),
    python: withExtension('.py'),
    shell: [...withExtension('.sh'), ...withExtension('').filter((path) => isShell(join(folder, path)))],
  };
}

/** Programs such as `lab` have no extension. */
function isShell(path: string): boolean {
  return /^#!.*\b(ba|da)?sh\b/.test(readFileSync(path, 'utf8').slice(0, 100));
}

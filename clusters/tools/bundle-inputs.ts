import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The files that bundles of some sources are made of, packages apart: the sources and all that they import, however far
 * around; what is imported for its types alone is none. Paths are relative to `repository`; sorted.
 */
export function bundleInputs(entries: readonly string[], repository: string): string[] {
  const found = new Set(entries);
  // A set that grows goes on being gone through.
  for (const file of found) {
    for (const imported of relativeImports(readFileSync(join(repository, file), 'utf8'))) {
      found.add(join(dirname(file), imported));
    }
  }
  return [...found].sort();
}

const statement = /^(?:import|export)\s(?!type\s)(?:[^'"=;]*?\sfrom\s)?\s*'(\.[^']+)'/gm;
const call = /^(?!\s*(?:\/\/|\*)).*?\bimport\('(\.[^']+)'/gm;

function relativeImports(text: string): string[] {
  return [statement, call].flatMap((pattern) => [...text.matchAll(pattern)].map(([, path = '']) => path));
}

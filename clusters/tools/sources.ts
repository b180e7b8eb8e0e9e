import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from './artefact.ts';
import { bundleFlags } from './bundle.ts';
import { bundleInputs } from './bundle-inputs.ts';

/**
 * What programs are made from, for the name of their directory, as plain JSON: what is pinned, and the repository's files
 * by path with their content. Files that do not go into the programs, tests above all, are not among them.
 */
export function recipeInputs(recipe: Recipe, repository: string): { pin: object | null; sources: object } {
  switch (recipe.kind) {
    case 'wheel':
      return { pin: recipe.wheel, sources: {} };
    case 'go':
      return { pin: recipe.release?.pin ?? null, sources: goSources(join(repository, recipe.module)) };
    case 'go-output':
      return { pin: null, sources: goSources(join(repository, recipe.module)) };
    case 'node':
      // The lock file stands for the packages.
      return {
        pin: { flags: bundleFlags },
        sources: contents(repository, [
          ...bundleInputs(Object.values(recipe.entries), repository),
          'package-lock.json',
        ]),
      };
    case 'bpf':
      return {
        pin: null,
        sources: contents(
          repository,
          globSync(`${recipe.folder}/{*.bpf.c,lib/*.h,Makefile}`, { cwd: repository }).sort(),
        ),
      };
    case 'c':
      return { pin: null, sources: contents(repository, [recipe.source]) };
    case 'package-file':
      return { pin: null, sources: contents(repository, ['package-lock.json']) };
  }
}

/** What a Go module's programs are built from, modules that it replaces by folders included: path to content. */
function goSources(module: string): Record<string, string> {
  const own = readdirSync(module, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(\.go|^go\.mod|^go\.sum)$/.test(path) && !path.endsWith('_test.go'))
    .sort()
    .map((path) => [path, readFileSync(join(module, path), 'utf8')] as const);
  const replacements = readFileSync(join(module, 'go.mod'), 'utf8').matchAll(/^replace \S+ => (\.\S+)$/gm);
  const replaced = [...replacements].flatMap(([, folder = '']) =>
    Object.entries(goSources(join(module, folder))).map(([path, text]) => [`${folder}/${path}`, text] as const),
  );
  return Object.fromEntries([...own, ...replaced]);
}

function contents(repository: string, paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(repository, path), 'utf8')]));
}

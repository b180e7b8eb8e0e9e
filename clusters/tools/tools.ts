import type { Artefact } from './artefact.ts';
import type { CacheContext } from './cache.ts';
import { clusterArtefacts, type ToolName } from './cluster-artefacts.ts';
import { ensurePrograms, programPath } from './programs.ts';

export type { ToolName };

/** Where a tool is; see {@link programPath}. */
export function toolPath(name: ToolName): string {
  return programPath(artefactOf(name), name);
}

/** Makes sure that tools are there; throws what {@link ensurePrograms} does. */
export function ensureTools(names: readonly ToolName[], context: CacheContext): Promise<void> {
  return ensurePrograms(names.map(artefactOf), context);
}

function artefactOf(name: ToolName): Artefact {
  const artefact = clusterArtefacts.find(({ programs }) => name in programs);
  if (artefact === undefined) throw new Error(`no artefact makes ${name}`);
  return artefact;
}

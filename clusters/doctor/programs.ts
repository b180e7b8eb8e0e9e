import { join } from 'node:path';
import type { Artefact } from '../tools/artefact.ts';
import { requiredGo } from '../tools/build.ts';
import { hostGo, isAtLeast } from '../tools/go.ts';
import {
  clusterPackages,
  type HostPackage,
  hostPackages,
  installCommand,
  missingPackages,
} from '../tools/host-packages.ts';
import { pins } from '../tools/pins.ts';
import { isCached } from '../tools/programs.ts';
import { repository } from '../tools/repository.ts';
import { type Finding, judge } from './finding.ts';

/** Programs: those of Debian packages, Node, Go, and the pinned ones, which are `artefacts`. */
export async function programFindings(artefacts: readonly Artefact[], signal: AbortSignal): Promise<Finding[]> {
  return [
    judge('Node', true, { found: process.version, why: 'the lab itself runs on it', otherwise: 'lacks' }),
    await goFinding(artefacts, signal),
    ...(process.platform === 'linux' ? await packageFindings(signal) : []),
    await cacheFinding(artefacts),
  ];
}

async function goFinding(artefacts: readonly Artefact[], signal: AbortSignal): Promise<Finding> {
  const required = await newestGo(artefacts);
  const go = await hostGo(signal);
  return judge('Go', go !== null && isAtLeast(go.version, required), {
    found: go === null ? 'none' : go.version,
    why: `programs of ours are built with ${required} or later; otherwise Go ${pins.go.version} is fetched into the cache`,
    otherwise: 'note',
  });
}

/** The oldest Go that builds every artefact that no release holds. */
async function newestGo(artefacts: readonly Artefact[]): Promise<string> {
  const modules = artefacts.flatMap(({ recipe }) =>
    (recipe.kind === 'go' && recipe.release === undefined) || recipe.kind === 'go-output' ? [recipe.module] : [],
  );
  const required = await Promise.all(modules.map((module) => requiredGo(join(repository, module))));
  return required.reduce((newest, version) => (isAtLeast(version, newest) ? version : newest), '1.24.0');
}

async function packageFindings(signal: AbortSignal): Promise<Finding[]> {
  const names = Object.keys(hostPackages) as HostPackage[];
  const missing = await missingPackages(names, signal);
  return names.map((name) =>
    judge(name, !missing.includes(name), {
      found: missing.includes(name) ? 'missing' : 'there',
      why: hostPackages[name].why,
      otherwise: clusterPackages.includes(name) ? 'lacks' : 'note',
      remedy: installCommand([name]),
    }),
  );
}

async function cacheFinding(artefacts: readonly Artefact[]): Promise<Finding> {
  const cached = await Promise.all(artefacts.map(isCached));
  const missing = artefacts.filter((_, index) => !cached[index]).flatMap(({ programs }) => Object.keys(programs));
  return judge('pinned tools', missing.length === 0, {
    found: missing.length === 0 ? 'all in the cache' : `not in the cache yet: ${missing.join(', ')}`,
    why: 'fetched or built when first needed; building Kubernetes takes minutes',
    otherwise: 'note',
  });
}

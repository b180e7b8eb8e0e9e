import { join } from 'node:path';
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
import { isCached, toolNames } from '../tools/tools.ts';
import { type Finding, judge } from './finding.ts';

/** Programs: those of Debian packages, Node, Go, and the lab's own pinned ones. */
export async function programFindings(signal: AbortSignal): Promise<Finding[]> {
  return [
    judge('Node', true, { found: process.version, why: 'the lab itself runs on it', otherwise: 'lacks' }),
    await goFinding(signal),
    ...(process.platform === 'linux' ? await packageFindings(signal) : []),
    await cacheFinding(),
  ];
}

async function goFinding(signal: AbortSignal): Promise<Finding> {
  const required = await requiredGo(join(import.meta.dirname, '../../runners/load/k6'));
  const go = await hostGo(signal);
  return judge('Go', go !== null && isAtLeast(go.version, required), {
    found: go === null ? 'none' : go.version,
    why: `k6 and the workload are built with ${required} or later; otherwise Go ${pins.go.version} is fetched into the cache`,
    otherwise: 'note',
  });
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

async function cacheFinding(): Promise<Finding> {
  const cached = await Promise.all(toolNames.map(isCached));
  const missing = toolNames.filter((_, index) => !cached[index]);
  return judge('pinned tools', missing.length === 0, {
    found: missing.length === 0 ? 'all in the cache' : `not in the cache yet: ${missing.join(', ')}`,
    why: 'fetched or built when first needed; building Kubernetes takes minutes',
    otherwise: 'note',
  });
}

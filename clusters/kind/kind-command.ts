import { createInterface } from 'node:readline';
import { contained } from '../contained.ts';
import { LabError } from '../error.ts';
import { exec, tryExec } from '../exec.ts';
import { startProcess } from '../process.ts';
import { toolPath } from '../tools/tools.ts';
import type { Engine } from './engine.ts';
import { clusterName } from './paths.ts';

type Context = { signal: AbortSignal; progress: (message: string) => void };

/** Creates the lab's cluster from kind's configuration; a step that fails leaves its nodes to be looked at. */
export async function createCluster(
  engine: Engine,
  { config, kubeconfig }: { config: string; kubeconfig: string },
  context: Context,
): Promise<void> {
  await runKind(engine, ['create', 'cluster', '--config', config, '--kubeconfig', kubeconfig, '--retain'], context);
}

/** Loads an archive of images into all of the cluster's nodes. */
export async function loadImages(engine: Engine, archive: string, signal: AbortSignal): Promise<void> {
  const [file, args] = contained(toolPath('kind'), ['load', 'image-archive', archive, '--name', clusterName]);
  await exec(file, args, { signal, env: engine.env });
}

/** Writes the nodes' logs into a folder. @throws LabError LAB_KIND_FAILED when some cannot be had; the others are there. */
export async function exportLogs(engine: Engine, directory: string, signal: AbortSignal): Promise<void> {
  const args = ['export', 'logs', directory, '--name', clusterName];
  const { exitCode, stderr } = await tryExec(toolPath('kind'), args, { signal, env: engine.env });
  // The node image that is built here has no crictl, so that the list of images is always missing.
  const failed = (stderr.match(/command "[^"]*" failed/g) ?? []).filter((command) => !command.includes(' crictl '));
  if (exitCode === 0 || (failed.length === 0 && stderr.includes(' crictl '))) return;
  throw new LabError('LAB_KIND_FAILED', { message: failed.join(', ') || stderr.trim() });
}

/** Names of all kind clusters that an engine has, whoever made them. */
export async function clusterNames(engine: Engine, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await exec(toolPath('kind'), ['get', 'clusters', '--quiet'], { signal, env: engine.env });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Deletes the lab's cluster, if there is one. */
export async function deleteCluster(engine: Engine, signal: AbortSignal): Promise<void> {
  await exec(toolPath('kind'), ['delete', 'cluster', '--name', clusterName], { signal, env: engine.env });
}

/** Runs kind, telling its steps as they begin. @throws LabError LAB_KIND_FAILED with what it said. */
async function runKind(engine: Engine, args: readonly string[], { signal, progress }: Context): Promise<void> {
  // A kind that outlived a killed lab would go on making nodes that nobody removes.
  const [file, own] = contained(toolPath('kind'), args);
  const kind = startProcess(file, own, { env: engine.env, signal, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  if (kind.stderr === null) throw new Error('kind has no standard error');
  const lines = createInterface({ input: kind.stderr });
  lines.on('line', (line) => {
    said.push(line);
    const step = /^ [•✗] ([\w- ]+)/.exec(line)?.[1];
    if (step !== undefined) progress(`kind: ${step.trim().toLowerCase()}`);
  });
  const { exitCode } = await kind.ended;
  signal.throwIfAborted();
  if (exitCode === 0) return;
  const why = said.slice(said.findIndex((line) => line.startsWith('ERROR'))).filter((line) => line.trim() !== '');
  const stack = why.indexOf('Stack Trace: ');
  throw new LabError('LAB_KIND_FAILED', {
    message: `kind ${args[0]} ${args[1]} failed: ${(stack < 0 ? why : why.slice(0, stack)).slice(0, 20).join('\n')}`,
  });
}

import { existsSync } from 'node:fs';
import { tryExec } from '../exec.ts';
import type { JournaledEngine } from '../life/journal.ts';
import { ownEngine, usersEngine } from './engine.ts';
import { deleteCluster } from './kind-command.ts';
import { clusterName, engineSocket } from './paths.ts';

const timeoutSeconds = 120;
/** After this the lab's own daemon is given up, and its data with it. */
const emptyTimeoutSeconds = 30;

/**
 * Takes what is the lab's from an engine that runs: from the user's the cluster and its network, from its own all but
 * images. The node image stays with either, as a pulled one would.
 * @returns whether nothing but images is left; where not, its data must be removed once its processes have ended.
 */
export async function leaveEngine({ name, data }: JournaledEngine): Promise<boolean> {
  if (data !== null) return existsSync(engineSocket) && (await emptyOwnEngine());
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const engine = usersEngine(name);
  await deleteCluster(engine, signal);
  await tryExec(name, ['network', 'rm', clusterName], { signal, env: engine.env });
  return true;
}

async function emptyOwnEngine(): Promise<boolean> {
  const { name, env } = ownEngine();
  const untilMs = Date.now() + emptyTimeoutSeconds * 1000;
  // Each by itself: of a shell in between only the shell would end in time.
  const docker = (...words: string[]) => tryExec(name, words, { env, timeoutMs: Math.max(1, untilMs - Date.now()) });
  const { exitCode, stdout } = await docker('ps', '--all', '--quiet');
  if (exitCode !== 0) return false;
  const containers = stdout.split('\n').filter((id) => id !== '');
  const steps = [
    ...(containers.length === 0 ? [] : [['rm', '--force', '--volumes', ...containers]]),
    ['volume', 'prune', '--force'],
    ['network', 'prune', '--force'],
  ];
  for (const step of steps) if ((await docker(...step)).exitCode !== 0) return false;
  return true;
}

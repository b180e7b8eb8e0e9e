import { rm } from 'node:fs/promises';
import { tryExec } from '../exec.ts';
import type { JournaledEngine } from '../netns/journal.ts';
import { usersEngine } from './engine.ts';
import { deleteCluster } from './kind-command.ts';
import { clusterName, kindDirectory } from './paths.ts';

const timeoutSeconds = 120;

/**
 * Takes what is the lab's from an engine: all of its own, whose processes have ended, and of the user's the cluster and
 * its network. The node image stays with the user's engine, as a pulled one would.
 */
export async function leaveEngine({ name, data }: JournaledEngine): Promise<void> {
  if (data === null) {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const engine = usersEngine(name);
    await deleteCluster(engine, signal);
    await tryExec(name, ['network', 'rm', clusterName], { signal, env: engine.env });
  } else {
    await rm(data, { recursive: true, force: true });
  }
  await rm(kindDirectory, { recursive: true, force: true });
}

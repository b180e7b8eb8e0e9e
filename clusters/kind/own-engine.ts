import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStart } from '../cluster-start.ts';
import { requireSpace } from '../disk-space.ts';
import { logDirectory } from '../life/paths.ts';
import { identify } from '../life/process-identity.ts';
import { type Supervisor, startSupervisor } from '../supervisor/start.ts';
import { type Engine, ownEngine } from './engine.ts';
import type { EngineOptions } from './engine-protocol.ts';
import { ensureEngineTree } from './engine-tree.ts';
import { engineData, ownPrograms } from './paths.ts';

const timeoutSeconds = 90;

/** Of the node image and what ten nodes write. */
const nodesBytes = 4e9;

/** The API server's port on the loopback of the lab's own engine, which nobody else uses. */
export const ownApiPort = 6443;

/** Starts a Docker daemon of the lab's own, below a supervisor that also forwards the API server's port to the host. */
export async function startOwnEngine({
  signal,
  progress,
  record,
  holds,
}: ClusterStart): Promise<{ engine: Engine; supervisor: Supervisor }> {
  const tree = await ensureEngineTree({ signal, progress });
  const data = engineData();
  await record({ engine: { name: 'docker', data } });
  await mkdir(data, { recursive: true, mode: 0o700 });
  await requireSpace(data, { bytes: nodesBytes, what: 'A kind cluster' });
  await mkdir(ownPrograms, { recursive: true });
  await symlink(join(tree, 'usr/bin/docker'), join(ownPrograms, 'docker'));
  const supervisor = await startSupervisor({
    what: 'the lab’s own Docker daemon',
    program: join(import.meta.dirname, 'engine-supervisor.ts'),
    options: (): EngineOptions => ({ tree, data, apiPort: ownApiPort }),
    log: join(logDirectory, 'engine.log'),
    timeoutSeconds,
  });
  holds(supervisor);
  await record({ supervisor: await identify(supervisor.process.pid) });
  await supervisor.ready(signal, progress);
  return { engine: ownEngine(), supervisor };
}

/** Puts the port at which the host reaches the API server into a kubeconfig that kind has written for the engine. */
export async function setApiPort(kubeconfig: string, port: number): Promise<void> {
  const text = await readFile(kubeconfig, 'utf8');
  await writeFile(kubeconfig, text.replace(/^(\s*server: https:\/\/127\.0\.0\.1):\d+$/m, `$1:${port}`));
}

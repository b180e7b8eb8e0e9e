import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStart } from '../cluster-start.ts';
import { requireSpace } from '../disk-space.ts';
import { LabError } from '../error.ts';
import { identify } from '../life/journal.ts';
import { kubeconfigPath, logDirectory } from '../life/paths.ts';
import { type Supervisor, startSupervisor } from '../supervisor/start.ts';
import type { CacheContext } from '../tool-cache.ts';
import { ensureTools } from '../tools.ts';
import { type Engine, findEngine, ownEngine } from './engine.ts';
import type { EngineOptions } from './engine-protocol.ts';
import { ensureEngineTree } from './engine-tree.ts';
import { clusterNames, createCluster, loadImages } from './kind-command.ts';
import { kindConfig } from './kind-config.ts';
import { ensureLabImages } from './lab-images.ts';
import { ensureNodeImage, loadNodeImage } from './node-image.ts';
import { saveNodeLogs } from './node-logs.ts';
import { pullOfficialImage } from './official-image.ts';
import { clusterName, engineData, kindDirectory, ownPrograms } from './paths.ts';

const engineTimeoutSeconds = 90;

/** Of the node image and what ten nodes write. */
const nodesBytes = 4e9;

/** The API server's port on the loopback of the lab's own engine, which nobody else uses. */
const ownApiPort = 6443;

/**
 * Brings a kind cluster up on the user's engine where one answers, else on a Docker daemon of the lab's own. Its nodes
 * are not ready yet: networking is the data planes' business. The kubeconfig is written last.
 */
export async function startKind(options: ClusterStart): Promise<void> {
  const { pools, signal, progress, record } = options;
  await ensureTools(['kind', 'kubectl'], options);
  await mkdir(kindDirectory, { recursive: true, mode: 0o700 });
  const users = await findEngine(options);
  progress(users === null ? 'starting a Docker daemon of the lab’s own' : `using this host’s ${users.name}`);
  const { engine, supervisor } = users === null ? await startOwnEngine(options) : { engine: users, supervisor: null };
  if (users !== null) {
    // Before the journal names the engine: what the journal names is deleted in the end.
    await requireFreeName(users, signal);
    await record({ engine: { name: users.name, data: null } });
  }

  const image = await provideNodeImage({ engine, own: users === null }, options);
  const config = join(kindDirectory, 'kind.yaml');
  const cgroupV1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
  const apiPort = supervisor === null ? 0 : ownApiPort;
  await writeFile(config, kindConfig({ pools, image: image.reference, apiPort, cgroupV1 }));
  const draft = join(kindDirectory, 'kubeconfig');
  try {
    await createCluster(engine, { config, kubeconfig: draft }, { signal, progress });
    if (!image.hasLabImages) await loadLabImages(engine, options);
  } catch (error) {
    signal.throwIfAborted();
    throw await withLogs(error as Error, engine, signal);
  }
  await publish(draft, supervisor);
}

/**
 * Chooses the node image: kind's own where a registry answers, else one that is built here and has the lab's images in it
 * already.
 */
async function provideNodeImage(
  target: { engine: Engine; own: boolean },
  context: CacheContext,
): Promise<{ reference: string; hasLabImages: boolean }> {
  const official = await pullOfficialImage(target, context);
  if (official !== null) return { reference: official, hasLabImages: false };
  const image = await ensureNodeImage(context);
  await loadNodeImage(target.engine, image, context);
  return { reference: image.reference, hasLabImages: true };
}

async function loadLabImages(engine: Engine, context: CacheContext): Promise<void> {
  const archive = await ensureLabImages(context);
  context.progress('loading the lab’s images');
  await loadImages(engine, archive, context.signal);
}

async function startOwnEngine({
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
    timeoutSeconds: engineTimeoutSeconds,
  });
  holds(supervisor);
  await record({ supervisor: await identify(supervisor.process.pid) });
  await supervisor.ready(signal, progress);
  return { engine: ownEngine(), supervisor };
}

/** @throws LabError LAB_CLUSTER_NAME_TAKEN when the user's engine has a cluster of that name that is not ours. */
async function requireFreeName(engine: Engine, signal: AbortSignal): Promise<void> {
  if (!(await clusterNames(engine, signal)).includes(clusterName)) return;
  throw new LabError('LAB_CLUSTER_NAME_TAKEN', {
    message: `This host's ${engine.name} has a kind cluster named ${clusterName} already, which no lab here has made`,
    remedy: `Delete it if nobody needs it: kind delete cluster --name ${clusterName}`,
  });
}

/** Puts the kubeconfig where commands look for it, with the port that the host can reach. */
async function publish(draft: string, supervisor: Supervisor | null): Promise<void> {
  const text = await readFile(draft, 'utf8');
  if (supervisor !== null) {
    await writeFile(draft, text.replace(/^(\s*server: https:\/\/127\.0\.0\.1):\d+$/m, `$1:${supervisor.port}`));
  }
  await rename(draft, kubeconfigPath);
}

async function withLogs(error: Error, engine: Engine, signal: AbortSignal): Promise<LabError> {
  const { where } = await saveNodeLogs(engine, signal);
  return new LabError('LAB_CLUSTER_START_FAILED', {
    message: `The kind cluster could not be brought up: ${error.message}`,
    remedy: where,
    cause: error,
  });
}

import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStart } from '../cluster-start.ts';
import { LabError } from '../error.ts';
import { connect } from '../kube/connect.ts';
import { kubeconfigPath } from '../life/paths.ts';
import type { Supervisor } from '../supervisor/start.ts';
import { ensureTools } from '../tools/tools.ts';
import { type Engine, findEngine } from './engine.ts';
import { allowInotify } from './inotify.ts';
import { settingsBeforeNodes } from './kernel-settings.ts';
import { clusterNames, createCluster, loadImages } from './kind-command.ts';
import { kindConfig, kindWorkers } from './kind-config.ts';
import { ensureLabImages } from './lab-images.ts';
import { ensureNodeImage, loadNodeImage } from './node-image.ts';
import { registerTimeoutSeconds, waitForNodes } from './node-registration.ts';
import { pullOfficialImage } from './official-image.ts';
import { ownApiPort, setApiPort, startOwnEngine } from './own-engine.ts';
import { clusterName, kindDirectory } from './paths.ts';
import { startFailure } from './start-failure.ts';

/** Where the nodes run. `supervisor`: of the lab's own engine, null with the user's. */
type Host = { engine: Engine; supervisor: Supervisor | null };

type NodeImage = { reference: string; hasLabImages: boolean };

/**
 * Brings a kind cluster up on the user's engine where one answers, else on a Docker daemon of the lab's own. Its nodes
 * are not ready yet: networking is the data planes' business. The kubeconfig is written last.
 */
export async function startKind(options: ClusterStart): Promise<void> {
  const { pools, progress, record } = options;
  await ensureTools(['kind', 'kubectl'], options);
  await mkdir(kindDirectory, { recursive: true, mode: 0o700 });
  const host = await provideEngine(options);
  const image = await provideNodeImage(host, options);
  await allowInotify(kindWorkers(pools).length, { record: (inotify) => record({ inotify }), progress });
  await record({ settings: await settingsBeforeNodes() });
  const config = await writeConfig(host, image, options);
  const kubeconfig = join(kindDirectory, 'kubeconfig');
  await createNodes(host, image, { config, kubeconfig }, options);
  await rename(kubeconfig, kubeconfigPath);
}

/** Takes the user's engine where one answers, else starts one of the lab's own. */
async function provideEngine(options: ClusterStart): Promise<Host> {
  const engine = await findEngine(options);
  if (engine === null) {
    options.progress('starting a Docker daemon of the lab’s own');
    return startOwnEngine(options);
  }
  options.progress(`using this host’s ${engine.name}`);
  // Before the journal names the engine: what the journal names is deleted in the end.
  await requireFreeName(engine, options.signal);
  await options.record({ engine: { name: engine.name, data: null } });
  return { engine, supervisor: null };
}

/** @throws LabError LAB_CLUSTER_NAME_TAKEN when the user's engine has a cluster of that name that is not ours. */
async function requireFreeName(engine: Engine, signal: AbortSignal): Promise<void> {
  if (!(await clusterNames(engine, signal)).includes(clusterName)) return;
  throw new LabError('LAB_CLUSTER_NAME_TAKEN', {
    message: `This host's ${engine.name} has a kind cluster named ${clusterName} already, which no lab here has made`,
    remedy: `Delete it if nobody needs it: kind delete cluster --name ${clusterName}`,
  });
}

/**
 * Chooses the node image: kind's own where a registry answers, else one that is built here and has the lab's images in it
 * already.
 */
async function provideNodeImage({ engine, supervisor }: Host, context: ClusterStart): Promise<NodeImage> {
  const official = await pullOfficialImage({ engine, own: supervisor !== null }, context);
  if (official !== null) return { reference: official, hasLabImages: false };
  const image = await ensureNodeImage(context.images, context);
  await loadNodeImage(engine, image, context);
  return { reference: image.reference, hasLabImages: true };
}

/** Writes kind's configuration. @returns its path */
async function writeConfig(
  { supervisor }: Host,
  { reference }: NodeImage,
  { pools }: { pools: ClusterStart['pools'] },
): Promise<string> {
  const path = join(kindDirectory, 'kind.yaml');
  const cgroupV1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
  const apiPort = supervisor === null ? 0 : ownApiPort;
  await writeFile(path, kindConfig({ pools, image: reference, apiPort, cgroupV1 }));
  return path;
}

/** Creates the nodes, and waits until they have registered and have the lab's images. */
async function createNodes(
  { engine, supervisor }: Host,
  { hasLabImages }: NodeImage,
  paths: { config: string; kubeconfig: string },
  options: ClusterStart,
): Promise<void> {
  let silent: readonly string[] = [];
  try {
    await createCluster(engine, paths, options);
    if (supervisor !== null) await setApiPort(paths.kubeconfig, supervisor.port);
    silent = await waitForNodes(await connect(paths.kubeconfig), options);
    if (silent.length === 0 && !hasLabImages) await loadLabImages(engine, options);
  } catch (error) {
    options.signal.throwIfAborted();
    throw await startFailure(error as Error, [], engine, options);
  }
  if (silent.length === 0) return;
  const error = new Error(`No node ${silent.join(' and no node ')} after ${registerTimeoutSeconds} s`);
  throw await startFailure(error, silent, engine, options);
}

async function loadLabImages(engine: Engine, context: ClusterStart): Promise<void> {
  const archive = await ensureLabImages(context.images, context);
  context.progress('loading the lab’s images');
  await loadImages(engine, archive, context.signal);
}

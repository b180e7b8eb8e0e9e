import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Node } from '@kubernetes/client-node';
import type { ClusterStart } from '../cluster-start.ts';
import { requireSpace } from '../disk-space.ts';
import { LabError } from '../error.ts';
import type { ImageCatalogue } from '../images/images.ts';
import { connect } from '../kube/connect.ts';
import type { Kube } from '../kube/kube.ts';
import { identify } from '../life/journal.ts';
import { kubeconfigPath, logDirectory } from '../life/paths.ts';
import { type Supervisor, startSupervisor } from '../supervisor/start.ts';
import type { CacheContext } from '../tools/cache.ts';
import { ensureTools } from '../tools/tools.ts';
import { type Engine, findEngine, ownEngine } from './engine.ts';
import type { EngineOptions } from './engine-protocol.ts';
import { ensureEngineTree } from './engine-tree.ts';
import { allowInotify } from './inotify.ts';
import { clusterNames, createCluster, loadImages } from './kind-command.ts';
import { kindConfig, kindWorkers } from './kind-config.ts';
import { ensureLabImages } from './lab-images.ts';
import { ensureNodeImage, loadNodeImage } from './node-image.ts';
import { saveNodeLogs } from './node-logs.ts';
import { pullOfficialImage } from './official-image.ts';
import { clusterName, engineData, kindDirectory, ownPrograms } from './paths.ts';

const engineTimeoutSeconds = 90;
const registerTimeoutSeconds = 60;

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
  await allowInotify(kindWorkers(pools).length, { record: (inotify) => record({ inotify }), progress });
  const config = join(kindDirectory, 'kind.yaml');
  const cgroupV1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
  const apiPort = supervisor === null ? 0 : ownApiPort;
  await writeFile(config, kindConfig({ pools, image: image.reference, apiPort, cgroupV1 }));
  const draft = join(kindDirectory, 'kubeconfig');
  let silent: readonly string[] = [];
  try {
    await createCluster(engine, { config, kubeconfig: draft }, { signal, progress });
    if (supervisor !== null) await setApiPort(draft, supervisor.port);
    silent = await waitForNodes(await connect(draft), options);
    if (silent.length === 0 && !image.hasLabImages) await loadLabImages(engine, options);
  } catch (error) {
    signal.throwIfAborted();
    throw await startFailure(error as Error, [], engine, options);
  }
  if (silent.length > 0) {
    const error = new Error(`No node ${silent.join(' and no node ')} after ${registerTimeoutSeconds} s`);
    throw await startFailure(error, silent, engine, options);
  }
  await rename(draft, kubeconfigPath);
}

/**
 * Chooses the node image: kind's own where a registry answers, else one that is built here and has the lab's images in it
 * already.
 */
async function provideNodeImage(
  target: { engine: Engine; own: boolean },
  context: CacheContext & { images: ImageCatalogue },
): Promise<{ reference: string; hasLabImages: boolean }> {
  const official = await pullOfficialImage(target, context);
  if (official !== null) return { reference: official, hasLabImages: false };
  const image = await ensureNodeImage(context.images, context);
  await loadNodeImage(target.engine, image, context);
  return { reference: image.reference, hasLabImages: true };
}

async function loadLabImages(engine: Engine, context: CacheContext & { images: ImageCatalogue }): Promise<void> {
  const archive = await ensureLabImages(context.images, context);
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

/** Puts the port that the host can reach into a kubeconfig. */
async function setApiPort(kubeconfig: string, port: number): Promise<void> {
  const text = await readFile(kubeconfig, 'utf8');
  await writeFile(kubeconfig, text.replace(/^(\s*server: https:\/\/127\.0\.0\.1):\d+$/m, `$1:${port}`));
}

/**
 * Waits until every worker's kubelet has registered its node: kind ends when all have joined, which a kubelet that ends
 * over and over has too.
 * @returns the workers that have not within a time.
 */
async function waitForNodes(kube: Kube, { pools, signal, progress }: ClusterStart): Promise<readonly string[]> {
  progress('waiting for the nodes to register');
  let missing = kindWorkers(pools).map(({ node }) => node);
  const waited = kube.waitFor<V1Node>('/api/v1/nodes', {
    signal,
    timeoutSeconds: registerTimeoutSeconds,
    what: 'the nodes to register',
    condition(nodes) {
      const names = nodes.map(({ metadata }) => metadata?.name);
      missing = missing.filter((node) => !names.includes(node));
      return missing.length === 0;
    },
  });
  await waited.catch((error: unknown) => {
    if (!(error instanceof LabError) || error.code !== 'LAB_WAIT_TIMEOUT') throw error;
  });
  return missing;
}

/** The error of a cluster that cannot be used, with the last lines of the kubelets of `silent`; all nodes' logs are kept. */
async function startFailure(
  error: Error,
  silent: readonly string[],
  engine: Engine,
  { pools, signal }: ClusterStart,
): Promise<LabError> {
  const { where, kubelet } = await saveNodeLogs(engine, pools, signal);
  const tails = silent.map(
    async (node) => `\nLast lines of the kubelet of ${node}:\n${(await kubelet(node)) ?? 'none'}`,
  );
  return new LabError('LAB_CLUSTER_START_FAILED', {
    message: `The kind cluster could not be brought up: ${error.message}${(await Promise.all(tails)).join('')}`,
    remedy: where,
    cause: error,
  });
}

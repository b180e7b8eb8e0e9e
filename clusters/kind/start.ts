import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStart } from '../cluster-start.ts';
import { LabError } from '../error.ts';
import { exec } from '../exec.ts';
import { identify } from '../netns/journal.ts';
import { kubeconfigPath, logDirectory } from '../netns/paths.ts';
import { type Supervisor, startSupervisor } from '../supervisor/start.ts';
import { cacheRoot } from '../tool-cache.ts';
import { ensureTools } from '../tools.ts';
import { type Engine, findEngine, ownEngine } from './engine.ts';
import type { EngineOptions } from './engine-protocol.ts';
import { ensureEngineTree } from './engine-tree.ts';
import { clusterNames, createCluster, exportLogs, loadImages } from './kind-command.ts';
import { kindConfig } from './kind-config.ts';
import { ensureLabImages } from './lab-images.ts';
import { ensureNodeImage } from './node-image.ts';
import { clusterName, kindDirectory } from './paths.ts';

const engineTimeoutSeconds = 90;

/** The API server's port on the loopback of the lab's own engine, which nobody else uses. */
const ownApiPort = 6443;

/**
 * Brings a kind cluster up on the user's engine where one answers, else on a Docker daemon of the lab's own. Its nodes
 * are not ready yet: networking is the data planes' business. The kubeconfig is written last.
 * @returns the process that holds the engine, null for the user's own.
 */
export async function startKind(options: ClusterStart): Promise<Supervisor | null> {
  const { pools, signal, progress, record } = options;
  await ensureTools(['kind', 'kubectl'], options);
  const [node, images] = [await ensureNodeImage(options), await ensureLabImages(options)];
  await mkdir(kindDirectory, { recursive: true, mode: 0o700 });
  const users = await findEngine(signal);
  progress(users === null ? 'starting a Docker daemon of the lab’s own' : `using this host’s ${users.name}`);
  const { engine, supervisor } = users === null ? await startOwnEngine(options) : { engine: users, supervisor: null };
  if (users !== null) {
    // Before the journal names the engine: what the journal names is deleted in the end.
    await requireFreeName(users, signal);
    await record({ engine: { name: users.name, data: null } });
  }

  progress('loading the node image');
  await exec(engine.name, ['load', '--input', node.archive], { signal, env: engine.env });
  const config = join(kindDirectory, 'kind.yaml');
  const cgroupV1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
  const apiPort = supervisor === null ? 0 : ownApiPort;
  await writeFile(config, kindConfig({ pools, image: node.reference, apiPort, cgroupV1 }));
  const draft = join(kindDirectory, 'kubeconfig');
  try {
    await createCluster(engine, { config, kubeconfig: draft }, { signal, progress });
    progress('loading the lab’s images');
    await loadImages(engine, { archive: images, containers: await containers(engine, signal) }, { signal, progress });
  } catch (error) {
    signal.throwIfAborted();
    throw await withLogs(error as Error, engine, signal);
  }
  await publish(draft, supervisor);
  return supervisor;
}

async function startOwnEngine({
  signal,
  progress,
  record,
}: ClusterStart): Promise<{ engine: Engine; supervisor: Supervisor }> {
  const tree = await ensureEngineTree({ signal, progress });
  // On a disk, unlike the lab's folder; it goes with the cluster.
  const data = join(cacheRoot(), 'kind-data');
  await record({ engine: { name: 'docker', data } });
  // Of a cluster whose journal could not be read it may still be there.
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true, mode: 0o700 });
  const programs = join(kindDirectory, 'bin');
  await mkdir(programs, { recursive: true });
  await symlink(join(tree, 'usr/bin/docker'), join(programs, 'docker'));
  const supervisor = await startSupervisor({
    what: 'the lab’s own Docker daemon',
    program: join(import.meta.dirname, 'engine-supervisor.ts'),
    options: (): EngineOptions => ({ tree, data, apiPort: ownApiPort }),
    log: join(logDirectory, 'engine.log'),
    timeoutSeconds: engineTimeoutSeconds,
  });
  await record({ supervisor: await identify(supervisor.process.pid) });
  await supervisor.ready(signal, progress);
  return { engine: ownEngine(programs), supervisor };
}

/** @throws LabError LAB_CLUSTER_NAME_TAKEN when the user's engine has a cluster of that name that is not ours. */
async function requireFreeName(engine: Engine, signal: AbortSignal): Promise<void> {
  if (!(await clusterNames(engine, signal)).includes(clusterName)) return;
  throw new LabError('LAB_CLUSTER_NAME_TAKEN', {
    message: `This host's ${engine.name} has a kind cluster named ${clusterName} already, which no lab here has made`,
    remedy: `Delete it if nobody needs it: kind delete cluster --name ${clusterName}`,
  });
}

/** Names of the cluster's containers, the control plane included. */
async function containers(engine: Engine, signal: AbortSignal): Promise<string[]> {
  const filter = `label=io.x-k8s.kind.cluster=${clusterName}`;
  const { stdout } = await exec(engine.name, ['ps', '--filter', filter, '--format', '{{.Names}}'], {
    signal,
    env: engine.env,
  });
  return stdout.trim().split('\n');
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
  const directory = join(process.cwd(), '.lab', 'logs', `kind-${new Date().toISOString().replaceAll(':', '-')}`);
  const exported = await exportLogs(engine, directory, signal).then(
    () => `The nodes’ logs are in ${directory}.`,
    (why: Error) => `The nodes’ logs could not be exported: ${why.message}`,
  );
  return new LabError('LAB_CLUSTER_START_FAILED', {
    message: `The kind cluster could not be brought up: ${error.message}`,
    remedy: exported,
    cause: error,
  });
}

import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, type ClusterKind, type Pool, poolOf } from '../cluster.ts';
import { LabError } from '../error.ts';
import { engineOf } from '../kind/engine.ts';
import { resetInotify } from '../kind/inotify.ts';
import { leaveEngine, removeKindFiles } from '../kind/leave.ts';
import { type NodeLogs, saveNodeLogs } from '../kind/node-logs.ts';
import { startKind } from '../kind/start.ts';
import { connect } from '../kube/connect.ts';
import { startEmbedded } from '../netns/start.ts';
import type { Supervisor } from '../supervisor/start.ts';
import { cgroupsExist, removeCgroups } from './cgroup.ts';
import { identify, isAlive, type Journal, readJournal, removeJournal, writeJournal } from './journal.ts';
import { kubeconfigPath, logDirectory, privateDirectory, supervisorSocket } from './paths.ts';
import { strayProcesses } from './stray-process.ts';

/** What a cluster is asked to be. */
export type BringUpOptions = {
  kind: ClusterKind;
  pools: readonly Pool[];
  /** Leave what has been made as it is when the start fails, until `lab down`. */
  retain: boolean;
  signal: AbortSignal;
  progress: (message: string) => void;
};

/** A cluster that ends with this process, whatever becomes of it, unless `keep` has made it stay until `lab down`. */
export type BroughtUp = {
  cluster: Cluster;
  keep(): Promise<void>;
  /** Keeps what the nodes have logged, for when the cluster is gone; null where nodes have no logs of their own. */
  saveNodeLogs(signal: AbortSignal): Promise<NodeLogs | null>;
};

/**
 * Brings a cluster up: control plane and nodes. Data planes are not installed yet. The caller holds the lock (`lock.ts`)
 * and has removed leftovers.
 * @throws LabError saying which step failed; nothing is left behind then, unless it is to be retained.
 */
export async function bringUp({ kind, pools, retain, signal, progress }: BringUpOptions): Promise<BroughtUp> {
  let journal: Journal = {
    version: 3,
    kind,
    startedAt: new Date().toISOString(),
    owner: await identify(process.pid),
    supervisor: null,
    engine: null,
    inotify: null,
    pools: pools.map(({ name, dataPlane }) => ({ name, dataPlane })),
  };
  const record = async (made: Partial<Journal>): Promise<void> => {
    journal = { ...journal, ...made };
    await writeJournal(journal);
  };
  let holder: Supervisor | null = null;
  const holds = (supervisor: Supervisor): void => {
    holder = supervisor;
  };
  const keep = async (): Promise<void> => {
    await record({ owner: null });
    await holder?.letGo();
  };
  await record({});
  try {
    await rm(logDirectory, { recursive: true, force: true });
    await mkdir(logDirectory, { recursive: true, mode: 0o700 });
    const start = kind === 'kind' ? startKind : startEmbedded;
    await start({ pools, signal, progress, record, holds });
    return {
      cluster: await clusterOf(kind, pools),
      keep,
      saveNodeLogs: async (signal) =>
        journal.engine === null ? null : saveNodeLogs(engineOf(journal.engine), pools, signal),
    };
  } catch (error) {
    if (retain) await keep();
    else await tearDown();
    throw error;
  }
}

/**
 * The cluster that is up, or null.
 * @throws LabError LAB_CLUSTER_STARTING when another command is bringing one up, LAB_CLUSTER_BROKEN when what was kept of a
 * failed start is there.
 */
export async function attach(): Promise<Cluster | null> {
  const journal = await readJournal();
  if (journal === null) return null;
  const { kind, owner, supervisor, pools } = journal;
  const holder = supervisor ?? owner;
  if (holder !== null && !(await isAlive(holder))) return null;
  if (!existsSync(kubeconfigPath) && owner === null) {
    throw new LabError('LAB_CLUSTER_BROKEN', {
      message: 'The cluster that was kept never came up: its control plane does not answer',
      remedy: `What it said is in ${logDirectory}; \`lab down\` removes it.`,
    });
  }
  if (!existsSync(kubeconfigPath)) {
    throw new LabError('LAB_CLUSTER_STARTING', {
      message: 'The cluster is starting: its control plane does not answer yet',
      remedy: 'Wait until it is up, or end the command that starts it with Ctrl-C.',
    });
  }
  return await clusterOf(
    kind,
    pools.map(({ name, dataPlane }) => poolOf(name, dataPlane)),
  );
}

/**
 * Ends everything that the lab runs on this host and removes what it made. Without a journal that can be read, it ends
 * every process that it finds to be the lab's.
 * @returns whether there was anything.
 */
export async function tearDown(): Promise<boolean> {
  const { journal, readable, processes } = await findAll();
  const engine = journal?.engine ?? null;
  const left = engine === null || (await leaveEngine(engine));
  for (const pid of processes) kill(pid);
  await Promise.all(processes.map(gone));
  const cgroups = await cgroupsExist();
  if (cgroups) await removeCgroups();
  if (journal?.inotify) await resetInotify(journal.inotify);
  // What no journal tells of may be in any state.
  await removeKindFiles({ keepData: readable && left, data: engine?.data ?? null });
  await Promise.all(
    [kubeconfigPath, supervisorSocket, privateDirectory].map((path) => rm(path, { recursive: true, force: true })),
  );
  await removeJournal();
  return journal !== null || processes.length > 0 || cgroups;
}

/**
 * Removes what a lab left that was killed: a supervisor that died, or one whose command is gone.
 * @returns whether there was anything.
 */
export async function removeLeftovers(): Promise<boolean> {
  const journal = await readJournal();
  if (journal === null) return false;
  const abandoned = journal.owner !== null && !(await isAlive(journal.owner));
  if (!abandoned && (journal.supervisor === null || (await isAlive(journal.supervisor)))) return false;
  await tearDown();
  return true;
}

/** What the lab has on this host: the journal, null where none can be read, and what must be killed for all to end. */
async function findAll(): Promise<{ journal: Journal | null; readable: boolean; processes: readonly number[] }> {
  try {
    const journal = await readJournal();
    const supervisor = journal?.supervisor ?? null;
    const processes = supervisor !== null && (await isAlive(supervisor)) ? [supervisor.pid] : [];
    return { journal, readable: true, processes };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { journal: null, readable: false, processes: await strayProcesses() };
  }
}

async function clusterOf(kind: ClusterKind, pools: readonly Pool[]): Promise<Cluster> {
  return { kind, kubeconfig: kubeconfigPath, pools, kube: await connect(kubeconfigPath) };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await identify(pid)) !== null) {
    if (Date.now() > deadline) {
      throw new LabError('LAB_SUPERVISOR_STUCK', {
        message: `Process ${pid} does not end after SIGKILL`,
        remedy: `Look at it: cat /proc/${pid}/stack`,
      });
    }
    await delay(10);
  }
}

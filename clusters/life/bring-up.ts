import { mkdir, rm } from 'node:fs/promises';
import type { Cluster, ClusterKind, Pool } from '../cluster.ts';
import type { ClusterStart } from '../cluster-start.ts';
import type { ImageCatalogue } from '../images/images.ts';
import { engineOf } from '../kind/engine.ts';
import { type NodeLogs, saveNodeLogs } from '../kind/node-logs.ts';
import { startKind } from '../kind/start.ts';
import { startNetns } from '../netns/start.ts';
import type { Supervisor } from '../supervisor/start.ts';
import { connected } from './attach.ts';
import { type Journal, writeJournal } from './journal.ts';
import { kubeconfigPath, logDirectory } from './paths.ts';
import { identify } from './process-identity.ts';
import { tearDown } from './tear-down.ts';

/** What brings each kind of cluster up. */
const starts: Readonly<Record<ClusterKind, (start: ClusterStart) => Promise<void>>> = {
  netns: startNetns,
  kind: startKind,
};

/** What a cluster is asked to be. */
export type BringUpOptions = {
  kind: ClusterKind;
  pools: readonly Pool[];
  /** What its pods may run. The caller has made sure of the programs in them. */
  images: ImageCatalogue;
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
export async function bringUp({ kind, pools, images, retain, signal, progress }: BringUpOptions): Promise<BroughtUp> {
  let journal: Journal = {
    version: 4,
    kind,
    startedAt: new Date().toISOString(),
    owner: await identify(process.pid),
    supervisor: null,
    engine: null,
    inotify: null,
    settings: null,
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
    await starts[kind]({ pools, images, signal, progress, record, holds });
    return {
      cluster: await connected({ kind, kubeconfig: kubeconfigPath, pools }),
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

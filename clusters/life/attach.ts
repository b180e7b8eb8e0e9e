import { existsSync } from 'node:fs';
import { type Cluster, poolOf } from '../cluster.ts';
import { LabError } from '../error.ts';
import { connect } from '../kube/connect.ts';
import { readJournal } from './journal.ts';
import { kubeconfigPath, logDirectory } from './paths.ts';
import { isAlive } from './process-identity.ts';

/** A cluster that nobody has connected to: loading the library of API clients takes longer than small commands do. */
export type FoundCluster = Omit<Cluster, 'kube'>;

/**
 * The cluster that is up, or null.
 * @throws LabError LAB_CLUSTER_STARTING when another command is bringing one up, LAB_CLUSTER_BROKEN when what was kept of a
 * failed start is there.
 */
export async function attach(): Promise<Cluster | null> {
  const found = await findCluster();
  return found === null ? null : await connected(found);
}

/** The same for those who do not talk to its API, or not by the library. */
export async function findCluster(): Promise<FoundCluster | null> {
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
  return { kind, kubeconfig: kubeconfigPath, pools: pools.map(({ name, dataPlane }) => poolOf(name, dataPlane)) };
}

/** A cluster with a connection to its API. */
export async function connected(found: FoundCluster): Promise<Cluster> {
  return { ...found, kube: await connect(found.kubeconfig) };
}

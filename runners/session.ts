import { type Cluster, type ClusterKind, outsideNode, type Pool, poolOf } from '../clusters/cluster.ts';
import { LabError } from '../clusters/error.ts';
import { prepareHost } from '../clusters/host.ts';
import { attach } from '../clusters/life/attach.ts';
import { type BroughtUp, bringUp } from '../clusters/life/bring-up.ts';
import { withLock } from '../clusters/life/lock.ts';
import { removeLeftovers, tearDown } from '../clusters/life/tear-down.ts';
import { ensurePrograms } from '../clusters/tools/programs.ts';
import { installBaseNetwork } from '../datapath/base-network/base-network.ts';
import type { DataPlaneContext } from '../datapath/data-plane.ts';
import { baseline } from '../datapath/data-planes.ts';
import { broughtImages, broughtPrograms } from './brought.ts';
import { installFailure } from './install-failure.ts';
import { removeRemains } from './remains.ts';
import { dataPlaneOf } from './run/plan.ts';

type SessionContext = { signal: AbortSignal; progress: (message: string) => void };

/**
 * Holds the lab's lock for as long as `body` runs, with the leftovers of a killed lab removed first.
 * @throws LabError LAB_BUSY when another lab is at work.
 */
export function exclusively<T>(body: () => Promise<T>): Promise<T> {
  return withLock(async () => {
    await removeLeftovers();
    return await body();
  });
}

export type OpenRequest = {
  kind: ClusterKind;
  pools: readonly Pool[] | null;
  fallback: readonly Pool[];
  /** It ends with this process. */
  ephemeral: boolean;
  /** It is left as it is when its start fails. */
  retain?: boolean;
};

/**
 * The cluster that is up, if it has these pools, or a new one, with the data planes installed. `pools` null takes what
 * is up as it is; what killed commands left on it is removed. The caller holds the lock.
 * @throws LabError LAB_POOLS_MISSING when a cluster is up without one of the pools.
 */
export async function openCluster(
  { kind, pools, fallback, ephemeral, retain = false }: OpenRequest,
  context: SessionContext,
): Promise<{ cluster: Cluster; pools: readonly Pool[]; broughtUp: boolean }> {
  await prepareHost(context);
  await ensurePrograms(broughtPrograms, context);
  const running = await attach();
  if (running !== null) {
    const wanted = pools ?? running.pools;
    requireKind(running, kind);
    requirePools(running, wanted);
    await removeRemains(running, context);
    await installDataPlanes({ cluster: running, saveNodeLogs: async () => null }, wanted, context);
    return { cluster: running, pools: wanted, broughtUp: false };
  }
  const wanted = pools ?? fallback;
  const broughtUp = await bringUp({ kind, pools: wanted, images: broughtImages(), retain, ...context });
  const { cluster, keep } = broughtUp;
  try {
    await installDataPlanes(broughtUp, wanted, context);
    // Only now: what is half built must not outlive a kill -9.
    if (!ephemeral) await keep();
  } catch (error) {
    if (retain) await keep();
    else await tearDown();
    throw error;
  }
  return { cluster, pools: wanted, broughtUp: true };
}

/**
 * Brings a cluster with these pools up for `body` alone, and takes it down whatever becomes of it. The caller holds the
 * lock.
 * @throws LabError LAB_CLUSTER_UP when there is one already: it is somebody's.
 */
export async function withOwnCluster<T>(
  pools: readonly Pool[],
  context: SessionContext,
  body: (cluster: Cluster) => Promise<T>,
  kind: ClusterKind = 'netns',
): Promise<T> {
  const cluster = await openOwnCluster(pools, context, kind);
  try {
    return await body(cluster);
  } finally {
    await tearDown();
  }
}

/** The same for callers whose work is no function, as tests are: they take the cluster down themselves. */
export async function openOwnCluster(
  pools: readonly Pool[],
  context: SessionContext,
  kind: ClusterKind = 'netns',
): Promise<Cluster> {
  await requireNoCluster();
  return (await openCluster({ kind, pools, fallback: pools, ephemeral: true }, context)).cluster;
}

/**
 * For whoever needs a cluster of its own.
 * @throws LabError LAB_CLUSTER_UP when one is up, LAB_CLUSTER_STARTING when one is on its way.
 */
export async function requireNoCluster(): Promise<void> {
  const running = await attach();
  if (running === null) return;
  throw new LabError('LAB_CLUSTER_UP', {
    message: `A cluster is up, with ${namesOf(running.pools)}; this needs one of its own, and there can be only one`,
    remedy: 'Take it down with `lab down` first.',
    exitCode: 2,
  });
}

async function installDataPlanes(
  { cluster: { kube }, saveNodeLogs }: Pick<BroughtUp, 'cluster' | 'saveNodeLogs'>,
  pools: readonly Pool[],
  context: SessionContext,
): Promise<void> {
  const installer: DataPlaneContext = { kube, ...context };
  const { name } = outsideNode;
  const outside = poolOf(name, baseline.id);
  try {
    await Promise.all([
      installBaseNetwork(installer, outside),
      ...pools.map((pool) => dataPlaneOf(pool).install(installer, pool)),
    ]);
  } catch (error) {
    context.signal.throwIfAborted();
    throw await installFailure(error, { kube, pools: [outside, ...pools], saveNodeLogs });
  }
}

function requireKind(cluster: Cluster, wanted: ClusterKind): void {
  if (cluster.kind === wanted) return;
  throw new LabError('LAB_CLUSTER_KIND', {
    message: `The cluster that is up is one of kind ${cluster.kind}, not ${wanted}`,
    remedy: `Take it down with \`lab down\`, or use it with \`--cluster ${cluster.kind}\`.`,
    exitCode: 2,
  });
}

function requirePools(cluster: Cluster, wanted: readonly Pool[]): void {
  const missing = wanted.filter(
    ({ name, dataPlane }) => !cluster.pools.some((pool) => pool.name === name && pool.dataPlane === dataPlane),
  );
  if (missing.length === 0) return;
  throw new LabError('LAB_POOLS_MISSING', {
    message: `The cluster that is up has ${namesOf(cluster.pools)}, but not ${namesOf(missing)}`,
    remedy: 'Take it down with `lab down` and start again; `lab up --planes` says what comes up.',
    exitCode: 2,
  });
}

function namesOf(pools: readonly Pool[]): string {
  return pools.map(({ name }) => name).join(', ');
}

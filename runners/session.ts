import { type Cluster, type Pool, poolOf } from '../clusters/cluster.ts';
import { LabError } from '../clusters/error.ts';
import { prepareHost } from '../clusters/host.ts';
import { attach, bringUp, outsideNode, removeLeftovers, tearDown } from '../clusters/netns/life.ts';
import { takeLock } from '../clusters/netns/lock.ts';
import { ensureTools } from '../clusters/tools.ts';
import type { DataPlaneContext } from '../datapath/data-plane.ts';
import { installBaseNetwork } from '../datapath/none/base-network.ts';
import { dataPlaneOf } from './run/plan.ts';

type SessionContext = { signal: AbortSignal; progress: (message: string) => void };

/**
 * Holds the lab's lock for as long as `body` runs, with the leftovers of a killed lab removed first.
 * @throws LabError LAB_BUSY when another lab is at work.
 */
export async function exclusively<T>(body: () => Promise<T>): Promise<T> {
  const release = await takeLock();
  try {
    await removeLeftovers();
    return await body();
  } finally {
    await release();
  }
}

/**
 * The cluster that is up, if it has these pools, or a new one, with the data planes installed. `pools` null takes what
 * is up as it is.
 * @throws LabError LAB_POOLS_MISSING when a cluster is up without one of the pools.
 */
export async function openCluster(
  { pools, fallback, ephemeral }: { pools: readonly Pool[] | null; fallback: readonly Pool[]; ephemeral: boolean },
  context: SessionContext,
): Promise<{ cluster: Cluster; pools: readonly Pool[]; broughtUp: boolean }> {
  await prepareHost(context);
  await ensureTools(['envoy', 'envoy-descriptors', 'k6', 'workload'], context);
  const running = await attach();
  if (running !== null) {
    const wanted = pools ?? running.pools;
    requirePools(running, wanted);
    await installDataPlanes(running, wanted, context);
    return { cluster: running, pools: wanted, broughtUp: false };
  }
  const wanted = pools ?? fallback;
  const cluster = await bringUp({ pools: wanted, ephemeral, ...context });
  try {
    await installDataPlanes(cluster, wanted, context);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return { cluster, pools: wanted, broughtUp: true };
}

async function installDataPlanes({ kube }: Cluster, pools: readonly Pool[], context: SessionContext): Promise<void> {
  const installer: DataPlaneContext = { kube, ...context };
  const { name } = outsideNode;
  await Promise.all([
    installBaseNetwork(installer, poolOf(name, 'none')),
    ...pools.map((pool) => dataPlaneOf(pool).install(installer, pool)),
  ]);
}

function requirePools(cluster: Cluster, wanted: readonly Pool[]): void {
  const missing = wanted.filter(
    ({ name, dataPlane }) => !cluster.pools.some((pool) => pool.name === name && pool.dataPlane === dataPlane),
  );
  if (missing.length === 0) return;
  const there = cluster.pools.map(({ name }) => name).join(', ');
  throw new LabError('LAB_POOLS_MISSING', {
    message: `The cluster that is up has ${there}, but not ${missing.map(({ name }) => name).join(', ')}`,
    remedy: 'Take it down with `lab down` and start again; `lab up --planes` says what comes up.',
    exitCode: 2,
  });
}

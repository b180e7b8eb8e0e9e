import { median } from '../../results/median.ts';
import { allPools } from '../cli/planes.ts';
import { deployScenario } from '../run/deploy.ts';
import { dataPlaneOf } from '../run/plan.ts';
import { loadScenario } from '../run/scenario.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check, CheckInput } from './check.ts';
import { clusterCpuSeconds } from './cluster-cpu.ts';

const idleSeconds = 20;

/** The most that holds: seconds, and cores that an idle cluster uses. */
const limits = { up: 10, down: 3, idle: 0.04, idleWithProxies: 0.04 } as const;
type Figures = Record<keyof typeof limits, number>;

/** How long the cluster takes to come up with all data planes ready and to go down, and what it uses when idle. */
export const startup: Check = {
  summary: 'time of up and down with all data planes, and CPU of the idle cluster (3 times)',
  async run(input) {
    const rounds = input.count ?? 3;
    const seen: Figures[] = [];
    await exclusively(async () => {
      for (let round = 1; round <= rounds; round++) {
        seen.push(
          await measureOnce({ ...input, progress: (step) => input.progress(`round ${round} of ${rounds}: ${step}`) }),
        );
      }
    });
    const names = Object.keys(limits) as (keyof Figures)[];
    const of = (name: keyof Figures): number => median(seen.map((figures) => figures[name])) ?? Number.NaN;
    const percent = (name: keyof Figures): string => `${(of(name) * 100).toFixed(2)} % of one core`;
    input.stdout.write(
      `up ${of('up').toFixed(2)} s, down ${of('down').toFixed(2)} s, idle ${percent('idle')}, ` +
        `with a scenario’s pods and their proxies ${percent('idleWithProxies')} (medians of ${rounds})\n`,
    );
    return names.every((name) => of(name) <= limits[name]);
  },
};

async function measureOnce({ signal, progress }: CheckInput): Promise<Figures> {
  const scenario = await loadScenario('latency');
  const context = { signal, progress: () => undefined };
  const pools = allPools();
  progress('up');
  const began = performance.now();
  let ended = Number.NaN;
  const figures = await withOwnCluster(pools, context, async (cluster) => {
    const up = secondsSince(began);
    progress(`idle for ${idleSeconds} s`);
    const idle = await clusterCpuSeconds(idleSeconds, signal);
    await Promise.all(
      pools.map((pool) =>
        deployScenario(
          { kube: cluster.kube, signal, progress },
          { scenario, pool, dataPlane: dataPlaneOf(pool), placements: ['cross-node', 'same-node'] },
        ),
      ),
    );
    progress(`idle for ${idleSeconds} s, proxies included`);
    const idleWithProxies = await clusterCpuSeconds(idleSeconds, signal);
    ended = performance.now();
    return { up, idle, idleWithProxies };
  });
  return { ...figures, down: secondsSince(ended) };
}

/** @param instant as `performance.now()` gave it. */
function secondsSince(instant: number): number {
  return (performance.now() - instant) / 1000;
}

import { tearDown } from '../../clusters/netns/life.ts';
import { median } from '../../results/median.ts';
import { allPools } from '../planes.ts';
import { exclusively, openCluster } from '../session.ts';
import type { Check } from './check.ts';
import { clusterCpuSeconds } from './cluster-cpu.ts';

const idleSeconds = 20;

/** How long the cluster takes to come up with all data planes ready and to go down, and what it uses when idle. */
export const startup: Check = {
  summary: 'time of up and down with all data planes, and CPU of the idle cluster (3 times)',
  async run({ count, signal, progress, stdout }) {
    const ups: number[] = [];
    const downs: number[] = [];
    const idles: number[] = [];
    const context = { signal, progress: () => undefined };
    await exclusively(async () => {
      for (let round = 1; round <= (count ?? 3); round++) {
        progress(`round ${round}: up`);
        const began = performance.now();
        await openCluster({ pools: allPools(), fallback: [], ephemeral: true }, context);
        ups.push((performance.now() - began) / 1000);
        try {
          progress(`round ${round}: idle for ${idleSeconds} s`);
          idles.push(await clusterCpuSeconds(idleSeconds, signal));
        } finally {
          const ending = performance.now();
          await tearDown();
          downs.push((performance.now() - ending) / 1000);
        }
      }
    });
    const [up, down, idle] = [ups, downs, idles].map((values) => median(values) ?? Number.NaN) as [
      number,
      number,
      number,
    ];
    stdout.write(
      `up ${up.toFixed(2)} s, down ${down.toFixed(2)} s, idle ${(idle * 100).toFixed(2)} % of one core (medians of ${ups.length})\n`,
    );
    return up <= 10 && down <= 3 && idle <= 0.04;
  },
};

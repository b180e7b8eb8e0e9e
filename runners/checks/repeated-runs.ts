import type { Pool } from '../../clusters/cluster.ts';
import type { DataPlane } from '../../datapath/data-plane.ts';
import { type Comparison, compare } from '../../results/comparison.ts';
import type { Profile } from '../../results/vocabulary.ts';
import { removeRemains } from '../remains.ts';
import { runScenario } from '../run/run.ts';
import { loadScenario } from '../run/scenario.ts';
import { newSeed } from '../run/seed.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { CheckInput } from './check.ts';

const removalSeconds = 60;

/**
 * Makes ordinary runs of the scenario `latency` on a cluster of its own, each deployed anew and in an order of its own, and
 * prints of each what `tell` says.
 */
export async function repeatedRuns(
  { signal, progress, stdout }: Pick<CheckInput, 'signal' | 'progress' | 'stdout'>,
  asked: {
    pools: readonly Pool[];
    runs: number;
    profiles: readonly Profile[];
    enrolledIn?: (pool: Pool) => DataPlane;
  },
  tell: (comparison: Comparison) => string,
): Promise<void> {
  const scenario = await loadScenario('latency');
  const { pools, runs, ...others } = asked;
  await exclusively(() =>
    withOwnCluster(pools, { signal, progress }, async (cluster) => {
      for (let run = 1; run <= runs; run++) {
        const seed = newSeed();
        const recorded = await runScenario(
          cluster,
          scenario,
          { ...others, pools, placements: ['cross-node'], blocks: scenario.blocks, seed },
          { signal, progress: (step) => progress(`run ${run} of ${runs}: ${step}`) },
        );
        signal.throwIfAborted();
        stdout.write(`run ${run}, seed ${seed}: ${tell(compare(recorded))}\n`);
        await removeRemains(cluster, { signal: AbortSignal.any([signal, AbortSignal.timeout(removalSeconds * 1000)]) });
      }
    }),
  );
}

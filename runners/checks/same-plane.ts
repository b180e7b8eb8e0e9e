import { type Cluster, poolOf } from '../../clusters/cluster.ts';
import { compare } from '../../results/rows.ts';
import { withParameters } from '../run/parameters.ts';
import { runScenario } from '../run/run.ts';
import { loadScenario } from '../run/scenario.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check } from './check.ts';

/** Of 20 intervals that say 95 %, 19 should contain the truth; fewer than 17 is a chance of 1.6 %. */
const heldShare = 17 / 20;

const secondsPerBlock = 1;

/** A/A: the same data plane twice, under two names, must show no difference. */
export const samePlane: Check = {
  summary: 'A/A: the same data plane under two names; the interval of the p50 ratio contains 1 in 17 of 20 runs',
  async run({ count, signal, progress, stdout }) {
    const runs = count ?? 20;
    const scenario = withParameters(await loadScenario('latency'), { parameters: { seconds: [secondsPerBlock] } });
    const pools = [poolOf('none', 'none'), poolOf('again', 'none')];
    const context = { signal, progress };
    const measure = async (cluster: Cluster): Promise<number> => {
      let contained = 0;
      for (let seed = 1; seed <= runs; seed++) {
        const recorded = await runScenario(
          cluster,
          scenario,
          {
            ...{ pools, profiles: ['l4'], placements: ['cross-node'], blocks: scenario.blocks, seed },
          },
          { signal, progress: (step) => progress(`run ${seed} of ${runs}: ${step}`) },
        );
        const row = compare(recorded).rows.find(
          ({ dataPlane, metric, quantile }) =>
            dataPlane === 'again' && metric === 'request_duration_seconds' && quantile === 0.5,
        );
        const [low, high] = row?.interval ?? [Number.NaN, Number.NaN];
        const contains = row?.valid === true && low <= 1 && high >= 1;
        if (contains) contained += 1;
        stdout.write(
          `seed ${seed}: ratio ${row?.ratioToNone?.toFixed(4)}, interval ${low.toFixed(4)} to ${high.toFixed(4)}${contains ? '' : ', does not contain 1'}${row?.reason ? ` (${row.reason})` : ''}\n`,
        );
      }
      return contained;
    };
    const held = await exclusively(() => withOwnCluster(pools, context, measure));
    stdout.write(`${held} of ${runs} intervals contain 1\n`);
    return held / runs >= heldShare;
  },
};

import { existsSync } from 'node:fs';
import { LabError } from '../../clusters/error.ts';
import { placements, profiles } from '../../results/vocabulary.ts';
import { usageError } from '../cli/arguments.ts';
import { assignmentsFlag } from '../cli/assignments-flag.ts';
import { clusterFlag, retainFlag } from '../cli/cluster-flag.ts';
import { command } from '../cli/command.ts';
import { listFlag, switchFlag, textFlag, wholeNumberFlag, wholeNumbersFlag, wordsFlag } from '../cli/flag.ts';
import { allPools, planesFlag } from '../cli/planes.ts';
import { storeDirectory } from '../cli/store-directory.ts';
import { longestWindowSeconds } from '../load/driver.ts';
import { type AskedParameters, withParameters } from '../run/parameters.ts';
import { loadScenario, scenarioNames } from '../run/scenario.ts';

/** 20,000 Services take minutes to go; whoever cannot wait interrupts once more. */
const longestCleanUpMs = 1_000_000;

export const run = command({
  description:
    'Brings the cluster up where none is, verifies the path of every test case, measures all of them in interleaved ' +
    'blocks, prints the comparison and stores the run. A cluster that was up before stays up.',
  cluster: true,
  flags: {
    cluster: clusterFlag,
    retain: retainFlag,
    planes: planesFlag,
    profile: listFlag({ description: 'how deep data planes look', choices: profiles, default: profiles }),
    placement: listFlag({
      description: 'where the generator stands (default: the scenario’s)',
      choices: placements,
      default: null,
    }),
    blocks: wholeNumberFlag({
      description: 'interleaved passes over all test cases, default: the scenario’s',
      min: 1,
      max: 1000,
      default: null,
    }),
    measurement: wordsFlag({
      placeholder: 'NAME,NAME',
      description: 'these of the scenario’s measurements only',
    }),
    seconds: wholeNumbersFlag({
      description: 'measured seconds of each block, default: the scenario’s',
      min: 1,
      max: longestWindowSeconds,
    }),
    rate: wholeNumbersFlag({ description: 'requests per second, default: the scenario’s', min: 1, max: 100_000 }),
    connections: wholeNumbersFlag({
      description: 'connections of the generator, default: the scenario’s',
      min: 1,
      max: 1000,
    }),
    set: assignmentsFlag('values of its other parameters, each combination of which is a test case'),
    seed: wholeNumberFlag({
      description: 'of the order of blocks and of the resampling',
      min: 0,
      max: 2 ** 31,
      default: 1,
    }),
    out: textFlag({ placeholder: 'FILE', description: 'write the run to this file (default: into the store)' }),
    json: switchFlag('print one JSON object: {run, scenario, rows: [{…}]}'),
  },
  positionals: [{ name: 'SCENARIO', description: 'what is asked', required: true, choices: scenarioNames }],
  rest: 'none',
  async run({ flags, positionals, signal, stdout, stderr }) {
    const scenario = withParameters(await loadScenario(positionals[0] ?? ''), {
      measurements: flags.measurement,
      parameters: askedParameters(flags),
    });
    if (flags.out !== null) requireFree(flags.out);
    const { createProgress } = await import('../cli/progress.ts');
    const { exclusively, openCluster } = await import('../session.ts');
    const { runScenario } = await import('../run/run.ts');
    const { withCleanUp } = await import('../run/clean-up.ts');
    const progress = createProgress(stderr);
    const context = { signal, progress: (message: string) => progress.step(message) };
    try {
      return await exclusively(async () => {
        const opened = await openCluster(
          {
            kind: flags.cluster,
            pools: flags.planes,
            fallback: allPools(),
            ephemeral: !flags.retain,
            retain: flags.retain,
          },
          context,
        );
        const measure = async (): Promise<number> => {
          const recorded = await runScenario(
            opened.cluster,
            scenario,
            {
              pools: opened.pools,
              profiles: flags.profile,
              placements: flags.placement ?? scenario.placements.default,
              blocks: flags.blocks ?? scenario.blocks,
              seed: flags.seed,
            },
            { signal, progress: progress.step },
          );
          progress.end();
          const { deliver } = await import('../record/deliver.ts');
          const destination = { out: flags.out, store: storeDirectory };
          return await deliver(recorded, { destination, json: flags.json, stdout, stderr });
        };
        const cleanUp = async (): Promise<void> => {
          if (flags.retain) {
            stderr.write('The cluster stays up; `lab down` ends it.\n');
            return;
          }
          if (opened.broughtUp) {
            const { tearDown } = await import('../../clusters/life/tear-down.ts');
            await tearDown();
            return;
          }
          const { removeRemains } = await import('../remains.ts');
          await removeRemains(opened.cluster, { signal: AbortSignal.timeout(longestCleanUpMs) });
        };
        // The run is stored and printed by the time that the clean-up can fail or be interrupted.
        return await withCleanUp(measure, cleanUp, (error) => stderr.write(`lab: ${error.message}\n`));
      });
    } finally {
      progress.end();
    }
  },
});

/** What the flags say of parameters; --seconds, --rate and --connections are those that most are asked for. */
function askedParameters({
  set,
  ...flags
}: {
  set: AskedParameters | null;
  seconds: readonly number[];
  rate: readonly number[];
  connections: readonly number[];
}): AskedParameters {
  const { seconds, rate, connections } = flags;
  const given = Object.entries({ seconds, rate, connections }).filter(([, values]) => values.length > 0);
  const twice = given.find(([name]) => set !== null && name in set);
  if (twice !== undefined) throw usageError('run', `--${twice[0]} and --set ${twice[0]}=… name the same parameter`);
  return { ...set, ...Object.fromEntries(given) };
}

/** Recorded runs are never overwritten: better to say so before measuring for minutes. */
function requireFree(path: string): void {
  if (!existsSync(path)) return;
  throw new LabError('LAB_RUN_EXISTS', {
    message: `--out ${path} exists already, and recorded runs are never overwritten`,
    remedy: 'Give another name.',
    exitCode: 2,
  });
}

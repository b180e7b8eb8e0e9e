import { join } from 'node:path';
import type { Cluster, Pool } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { methodologyVersion } from '../../results/methodology.ts';
import { random } from '../../results/random.ts';
import { newRunId, type Run, schemaVersion } from '../../results/run.ts';
import type { Placement, Profile } from '../../results/vocabulary.ts';
import { type Deployed, deployScenario } from './deploy.ts';
import { describeCommit, describeHost, describeVersions } from './host.ts';
import { interleave, type RunProgress } from './interleave.ts';
import { dataPlaneOf, type PlannedCase, planTestCases } from './plan.ts';
import { Recorder } from './recorder.ts';
import type { LoadedScenario } from './scenario.ts';
import { enterStage, stagesOf } from './stage.ts';
import { verifyAll } from './verify-all.ts';

/** What a run is asked to be; how each block is measured is the scenario's (`withParameters` gives it other values). */
export type RunOptions = {
  pools: readonly Pool[];
  profiles: readonly Profile[];
  placements: readonly Placement[];
  blocks: number;
  seed: number;
};

/**
 * Runs one scenario on a cluster whose data planes are installed: deploys it, verifies every test case, measures it in
 * interleaved blocks, and verifies it again. What it measured until an interruption is returned as well.
 * @throws LabError LAB_NO_TEST_CASE (exit 2) where nothing of what is asked can be measured.
 */
export async function runScenario(
  cluster: Cluster,
  scenario: LoadedScenario,
  options: RunOptions,
  { signal, progress }: { signal: AbortSignal; progress: RunProgress },
): Promise<Run> {
  const startedAt = new Date();
  const context: DataPlaneContext = { kube: cluster.kube, signal, progress: (message) => progress(message, null) };
  const cases = planTestCases(scenario, options);
  if (cases.length === 0) throw nothingToMeasure(scenario);
  const recorder = new Recorder(cases);
  let status: Run['status'] = { state: 'finished' };
  try {
    const deployed = await deployAll(context, scenario, options);
    const runnable = cases.filter(({ skipped }) => skipped === null);
    progress('verifying every path', null);
    await verifyAll(context, runnable, deployed, recorder);
    const proven = runnable.filter(({ id }) => recorder.proven(id));
    await measureStages(context, proven, { options, deployed, recorder, progress });
    progress('verifying every path once more', null);
    await verifyAll(context, runnable, deployed, recorder);
  } catch (error) {
    if (signal.aborted) status = { state: 'interrupted' };
    else if (recorder.measuredAnything()) status = { state: 'failed', reason: (error as Error).message };
    else throw error;
  }
  if (status.state === 'interrupted' && !recorder.measuredAnything()) signal.throwIfAborted();
  return {
    schemaVersion,
    methodologyVersion,
    id: newRunId(scenario.name, startedAt),
    scenario: scenario.name,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    status,
    options: recordedOptions(cluster, scenario, options),
    host: describeHost(),
    versions: await describeVersions(),
    ...(await describeCommit(join(import.meta.dirname, '..', '..'))),
    caveats: [],
    generators: [...new Set(cases.map(({ driver, measurement }) => driver.generator(measurement.parameters)))],
    ...recorder.record(),
  };
}

function nothingToMeasure({ name, measurements }: LoadedScenario): LabError {
  return new LabError('LAB_NO_TEST_CASE', {
    message: `None of these data planes has a test case of ${name} (${measurements.map((one) => one.name).join(', ')}) with these profiles and placements`,
    remedy: 'Ask for more of them: `lab list` says what modes each data plane has.',
    exitCode: 2,
  });
}

async function deployAll(
  context: DataPlaneContext,
  scenario: LoadedScenario,
  { pools, placements }: RunOptions,
): Promise<ReadonlyMap<string, Deployed>> {
  const entries = await Promise.all(
    pools.map(async (pool) => {
      const dataPlane = dataPlaneOf(pool);
      return [pool.name, await deployScenario(context, { scenario, pool, dataPlane, placements })] as const;
    }),
  );
  return new Map(entries);
}

/** Measures stage by stage; within one, all test cases are interleaved. */
async function measureStages(
  context: DataPlaneContext,
  cases: readonly PlannedCase[],
  {
    options: { blocks, seed },
    deployed,
    recorder,
    progress,
  }: {
    options: RunOptions;
    deployed: ReadonlyMap<string, Deployed>;
    recorder: Recorder;
    progress: RunProgress;
  },
): Promise<void> {
  const numbers = random(seed);
  const stages = stagesOf(cases);
  let held = 0;
  for (const stage of stages) {
    const entered = await enterStage(context, stage, { held, deployed }).catch((error: unknown) => {
      if (!(error instanceof LabError) || context.signal.aborted) throw error;
      return error;
    });
    if (entered instanceof LabError) {
      // What was measured in the stages before counts all the same.
      const reason = `It was not measured: the cluster could not be brought to ${stage.services} Services. ${entered.message}`;
      const left = stages.slice(stages.indexOf(stage)).flatMap((one) => one.cases);
      for (const { id } of left) recorder.stopped(id, reason);
      return;
    }
    recorder.stageBegins(entered);
    held = stage.services;
    const of = stages.length > 1 ? `${held} Services, ` : '';
    await interleave(context, { cases: stage.cases, blocks, random: numbers, of }, { deployed, recorder, progress });
  }
}

function recordedOptions(
  { kind }: Cluster,
  { measurements }: LoadedScenario,
  { pools, profiles, placements, blocks, seed }: RunOptions,
): Run['options'] {
  return {
    planes: pools.map(({ name, dataPlane }) => ({ name, dataPlane })),
    profiles: [...profiles],
    placements: [...placements],
    blocks,
    measurements: measurements.map(({ name, kind, parameters }) => ({
      name,
      kind,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([parameter, [first, ...more]]) => [parameter, [first, ...more]]),
      ),
    })),
    seed,
    cluster: kind,
  };
}

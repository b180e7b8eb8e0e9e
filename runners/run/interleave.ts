import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { type Random, shuffled } from '../../results/random.ts';
import { idle } from '../../results/run.ts';
import type { Deployed } from './deploy.ts';
import { measureBlock, measureIdle } from './measure.ts';
import { missedRate } from './missed-rate.ts';
import type { PlannedCase } from './plan.ts';
import type { Recorder } from './recorder.ts';
import { type Subject, subjectFinder } from './subject.ts';

/** What happens now, for whoever watches: a step, and how long the rest will take where that is known. */
export type RunProgress = (step: string, secondsLeft: number | null) => void;

/** Length of the window without load in each pass. */
const idleSeconds = 1;

/** What a block takes beside the load itself: the generator's start and the reading of counters. */
const blockOverheadSeconds = 0.8;

/** Passes over test cases. `of` says what of the run they are, for whoever watches; empty where they are all of it. */
export type Passes = { cases: readonly PlannedCase[]; blocks: number; random: Random; of: string };

/** Measures all test cases pass by pass, each pass in a random order of its own. What a test case cannot carry ends it alone. */
export async function interleave(
  context: DataPlaneContext,
  { cases, blocks, random, of }: Passes,
  {
    deployed,
    recorder,
    progress,
  }: { deployed: ReadonlyMap<string, Deployed>; recorder: Recorder; progress: RunProgress },
): Promise<void> {
  const subjectOf = subjectFinder(context, deployed);
  // Before the first block, as it takes a while and the others should not wait for it.
  for (const { testCase } of cases) await subjectOf(testCase.pool);
  for (let block = 0; block < blocks; block++) {
    const going = cases.filter(({ id }) => !recorder.isStopped(id));
    if (going.length === 0) return;
    const turns = shuffled([null, ...going], random);
    const pass = recorder.passBegins(turns.map((turn) => turn?.id ?? idle));
    let left = secondsOf(going) * (blocks - block);
    for (const turn of turns) {
      progress(`${of}block ${block + 1} of ${blocks}: ${turn?.id ?? idle}`, left);
      if (turn === null) recorder.idled(pass, await measureIdle(idleSeconds, context.signal));
      else await measureTurn(context, turn, { pass, subjectOf, recorder });
      left -= turn === null ? idleSeconds : secondsOfBlock(turn);
    }
  }
}

async function measureTurn(
  context: DataPlaneContext,
  planned: PlannedCase,
  {
    pass,
    subjectOf,
    recorder,
  }: { pass: number; subjectOf: (pool: PlannedCase['testCase']['pool']) => Promise<Subject>; recorder: Recorder },
): Promise<void> {
  try {
    const subject = await subjectOf(planned.testCase.pool);
    const measured = await measureBlock(context, { planned, ...subject });
    recorder.measured(planned.id, pass, measured);
    const missed = missedRate(measured.result);
    if (missed !== null) recorder.stopped(planned.id, `It was stopped after block ${pass + 1}: ${missed}`);
  } catch (error) {
    // What one test case cannot carry is its own outcome; the others go on.
    if (!(error instanceof LabError) || context.signal.aborted) throw error;
    recorder.stopped(planned.id, `It was stopped because block ${pass + 1} failed: ${error.message}`);
  }
}

function secondsOf(cases: readonly PlannedCase[]): number {
  return cases.reduce((sum, planned) => sum + secondsOfBlock(planned), idleSeconds);
}

function secondsOfBlock({ driver, measurement }: PlannedCase): number {
  return driver.blockSeconds(measurement.parameters) + blockOverheadSeconds;
}

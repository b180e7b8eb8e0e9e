import { LabError } from '../../clusters/error.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import type { Random } from '../../results/random.ts';
import { idle, type Run } from '../../results/run.ts';
import { spoiledBy } from '../../results/spoiled.ts';
import type { Deployed } from './deploy.ts';
import { measureBlock, measureIdle } from './measure.ts';
import { missedRate } from './missed-rate.ts';
import type { PlannedCase } from './plan.ts';
import type { Recorder } from './recorder.ts';
import { measurePass } from './replacement.ts';
import { type Subject, subjectFinder } from './subject.ts';
import { turnsOf } from './turns.ts';
import type { MachineReader, WindowReading } from './window.ts';

/** What happens now, for whoever watches: a step, and how long the rest will take where that is known. */
export type RunProgress = (step: string, secondsLeft: number | null) => void;

/** What a block takes beside the load itself: connections, and the reading of counters. */
const blockOverheadSeconds = 0.3;

/**
 * Passes over test cases. `replacements` is how many windows may be measured again. `of` says what of the run they are, for
 * whoever watches; empty where they are all of it.
 */
export type Passes = {
  cases: readonly PlannedCase[];
  blocks: number;
  replacements: number;
  random: Random;
  of: string;
};

type Tools = {
  deployed: ReadonlyMap<string, Deployed>;
  machine: MachineReader;
  host: Pick<Run['host'], 'cores'>;
  recorder: Recorder;
  progress: RunProgress;
};

/**
 * Measures all test cases pass by pass, in an order that is balanced over all passes. What a test case cannot carry ends it
 * alone; what the machine spoils is measured again at the end of its pass, as long as replacements are left.
 */
export async function interleave(
  context: DataPlaneContext,
  { cases, blocks, replacements, random, of }: Passes,
  { deployed, machine, host, recorder, progress }: Tools,
): Promise<void> {
  const subjectOf = subjectFinder(context, deployed);
  // Before the first block, as it takes a while and the others should not wait for it.
  for (const { testCase } of cases) await subjectOf(testCase.pool);
  const idleSeconds = Math.max(...cases.map(({ measurement }) => Number(measurement.parameters.seconds)));
  const secondsOf = (turn: PlannedCase | null): number =>
    turn === null ? idleSeconds : turn.driver.blockSeconds(turn.measurement.parameters) + blockOverheadSeconds;
  const budget = { left: replacements };
  for (const [block, numbers] of turnsOf(cases.length + 1, blocks, random).entries()) {
    const turns = numbers.map((number) => cases[number] ?? null).filter((turn) => turn === null || !stopped(turn));
    if (turns.length === 1) return;
    const pass = recorder.passBegins(turns.map(nameOf));
    let left = turns.reduce((sum, turn) => sum + secondsOf(turn), 0) * (blocks - block);
    await measurePass(turns, budget, {
      measure: async (turn, again) => {
        if (turn !== null && stopped(turn)) return null;
        if (again) recorder.turnAgain(pass, nameOf(turn));
        progress(`${of}block ${block + 1} of ${blocks}${again ? ' once more' : ''}: ${nameOf(turn)}`, left);
        if (!again) left -= secondsOf(turn);
        const judge = (window: WindowReading) => spoiledBy(factsOf(window), host);
        if (turn !== null) return await measureTurn(context, turn, { pass, subjectOf, machine, judge, recorder });
        const window = await measureIdle(idleSeconds, { machine, signal: context.signal });
        recorder.idled(pass, window, judge(window));
        return judge(window);
      },
    });
  }

  function stopped({ id }: PlannedCase): boolean {
    return recorder.isStopped(id);
  }
}

function nameOf(turn: PlannedCase | null): string {
  return turn?.id ?? idle;
}

function factsOf({ seconds, cpu, disturbance }: WindowReading) {
  const { stealSeconds, foreign } = cpu;
  return { seconds, stealSeconds, foreign, standstillSeconds: disturbance.standstillSeconds };
}

/** @returns why the machine spoiled the block; null where it did not, or nothing was measured. */
async function measureTurn(
  context: DataPlaneContext,
  planned: PlannedCase,
  {
    pass,
    subjectOf,
    machine,
    judge,
    recorder,
  }: {
    pass: number;
    subjectOf: (pool: PlannedCase['testCase']['pool']) => Promise<Subject>;
    machine: MachineReader;
    judge: (window: WindowReading) => string | null;
    recorder: Recorder;
  },
): Promise<string | null> {
  try {
    const subject = await subjectOf(planned.testCase.pool);
    const measured = await measureBlock(context, { planned, machine, ...subject });
    const spoiled = judge(measured.window);
    recorder.measured(planned.id, pass, measured, spoiled);
    const missed = spoiled === null ? missedRate(measured.result) : null;
    if (missed !== null) recorder.stopped(planned.id, `It was stopped after block ${pass + 1}: ${missed}`);
    return spoiled;
  } catch (error) {
    // What one test case cannot carry is its own outcome; the others go on.
    if (!(error instanceof LabError) || context.signal.aborted) throw error;
    recorder.stopped(planned.id, `It was stopped because block ${pass + 1} failed: ${error.message}`);
    return null;
  }
}

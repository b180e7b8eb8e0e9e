import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { durationAt } from '../../results/duration.ts';
import { figure } from '../../results/figure.ts';
import { Run } from '../../results/run.ts';
import { soundBlocks, spoiledBlocks } from '../../results/sound-blocks.ts';
import { factsOf, spoiledBy } from '../../results/spoiled.ts';
import { invalidReasons } from '../../results/validity.ts';
import { measuredOf, openStage, type Stage } from './stage.ts';

const signal = AbortSignal.timeout(900_000);
const victim = 'sidecar/l4/none/cross-node';
const blocks = 2;
/** Into the window of a block: the generator has connected and warmed up by then. */
const intoWindowMs = 1500;
/** Above the watch of the processors, and below it. */
const [aboveWatch, belowWatch] = [99, 50];
let stage: Stage;

before(async () => {
  stage = await openStage([poolOf('none', 'none'), poolOf('sidecar', 'sidecar')], {
    placements: ['cross-node'],
    signal,
  });
});

// Where it could not be opened, another's may be up.
after(async () => void (stage !== undefined && (await tearDown())));

test('a machine that stands still spoils a block, which is measured again, and the row counts', async (t) => {
  const run = await disturbed(t, () => keepProcessors(aboveWatch));
  const outcome = measuredOf(run, victim);
  assert.match(spoiledBlocks(outcome)[0]?.spoiled ?? '', /^A processor stood still for \d/);
  assertReplaced(run);
  // The block was as late as any: it is in no figure, so it does not count.
  assert.ok((spoiledBlocks(outcome)[0]?.arrivals?.late ?? 0) > 0);
});

test('so does a process that is nobody of the lab’s', async (t) => {
  const run = await disturbed(t, burnForeign, { asIfAlone: false });
  const [first] = measuredOf(run, victim).blocks;
  assert.match(first?.spoiled ?? '', /^Processes that are not the lab’s used \d/);
  assert.ok((first?.cpu.foreign.value ?? 0) > 1, JSON.stringify(first?.cpu));
  assertTakenAgain(run);
});

test('what makes the generator late on the lab’s own account excuses nothing', async (t) => {
  const run = await disturbed(t, () => keepProcessors(belowWatch));
  assertNotExcused(run);
  const { arrivals } = soundBlocks(measuredOf(run, victim))[0] ?? {};
  assert.ok((arrivals?.late ?? 0) > 0, JSON.stringify(arrivals));
  assert.match(reasonsOf(run).join(' '), /The generator did not keep its timetable/);
});

test('a data plane that stands still itself is not excused: its latencies are in the row', async (t) => {
  const run = await disturbed(t, () => stopEnvoy(60));
  assertNotExcused(run);
  const slowest = durationAt(soundBlocks(measuredOf(run, victim)), 'request', 0.997).value;
  assert.ok((slowest ?? 0) > 0.03, `p99.7 is ${slowest} s`);
});

test('one that lets requests fail makes its row invalid', async (t) => {
  const run = await disturbed(t, () => stopEnvoy(2500));
  assertNotExcused(run);
  assert.match(reasonsOf(run).join(' '), /failed/);
});

/** A run in whose first block of the victim something happens. */
async function disturbed(t: TestContext, what: () => Promise<void>, { asIfAlone: alone = true } = {}): Promise<Run> {
  const done: Promise<void>[] = [];
  const run = await stage.shortRun({ blocks, seconds: 3, profiles: ['l4'], replacements: 12 }, (step) => {
    if (step === `block 1 of ${blocks}: ${victim}`) done.push(what());
  });
  await Promise.all(done);
  assert.equal(done.length, 1);
  for (const { cpu, disturbance } of measuredOf(run, victim).blocks) {
    const { standstillSeconds } = disturbance;
    if (standstillSeconds.value === null) t.skip(standstillSeconds.reason);
    assert.notEqual(cpu.foreign.value, null);
  }
  return Run.parse(alone ? asIfAlone(run) : run);
}

/** The run as it is where nobody else uses the machine: what foreign processes spoiled is sound, where a pass has no other. */
function asIfAlone(run: Run): Run {
  for (const { outcome } of run.testCases) {
    if (outcome.state !== 'measured') continue;
    for (const block of outcome.blocks) block.spoiled = spoiledBy({ ...factsOf(block), foreign: figure(0) }, run.host);
    const sound = outcome.blocks.filter(({ spoiled }) => spoiled === null);
    outcome.blocks = outcome.blocks.filter(
      (block) => block.spoiled !== null || sound.find(({ pass }) => pass === block.pass) === block,
    );
  }
  return run;
}

/** Keeps every processor busy for a twentieth of a second at a real-time priority. */
async function keepProcessors(priority: number): Promise<void> {
  await delay(intoWindowMs);
  const busy = 'const until = performance.now() + 60; while (performance.now() < until);';
  await Promise.all(
    cpus().map((_, cpu) =>
      exec('taskset', ['-c', `${cpu}`, 'chrt', '-f', `${priority}`, process.execPath, '-e', busy], { signal }),
    ),
  );
}

/** Of a process that has no parent of ours: the shell that starts it ends at once. */
async function burnForeign(): Promise<void> {
  const busy = `const until = performance.now() + 1500; while (performance.now() < until);`;
  await exec(
    'sh',
    ['-c', `(exec >/dev/null 2>&1 </dev/null; sleep 0.5; exec "$0" -e "$1") &`, process.execPath, busy],
    {
      signal,
    },
  );
}

async function stopEnvoy(forMs: number): Promise<void> {
  await delay(intoWindowMs);
  const envoy = await stage.processOf('lab-sidecar', 'envoy', 'sidecar-2');
  process.kill(envoy, 'SIGSTOP');
  try {
    await delay(forMs);
  } finally {
    process.kill(envoy, 'SIGCONT');
  }
}

function assertReplaced(run: Run): void {
  const outcome = measuredOf(run, victim);
  assert.deepEqual(
    soundBlocks(outcome).map(({ pass }) => pass),
    [0, 1],
  );
  assertTakenAgain(run);
  assert.deepEqual(reasonsOf(run), []);
}

function assertTakenAgain(run: Run): void {
  assert.ok((run.order[0]?.filter((turn) => turn === victim).length ?? 0) > 1, `${run.order[0]}`);
}

/** Whatever else the machine may have done to later blocks. */
function assertNotExcused(run: Run): void {
  const [first] = measuredOf(run, victim).blocks;
  assert.equal(first?.spoiled, null);
}

function reasonsOf(run: Run): string[] {
  const found = run.testCases.find(({ id }) => id === victim);
  assert.ok(found);
  return invalidReasons(found);
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { exec, type Process, start, tryExec } from '../clusters/exec.ts';
import { readJournal } from '../clusters/netns/journal.ts';
import { tearDown } from '../clusters/netns/life.ts';
import { type HostState, readHostState, remainingDifferences } from './checks/host-state.ts';

const program = join(import.meta.dirname, 'lab.ts');
let before_: HostState;

before(async () => {
  // The first cluster loads kernel modules, whose defaults show among the sysctls for good.
  await lab('up', '--planes', 'none');
  await lab('down');
  before_ = await readHostState();
});

after(() => tearDown());

test('down leaves the host as it was', async () => {
  const { stdout } = await lab('up', '--planes', 'none');
  assert.match(stdout, /^export KUBECONFIG=/);
  assert.notDeepEqual(await remainingDifferences(before_, 0), [], 'a cluster that is up shows');
  await lab('down');
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('a run that brought the cluster up takes it down', async () => {
  const { stdout } = await lab('run', 'latency', '--planes', 'none', '--blocks', '1', '--seconds', '1', '--json');
  assert.equal(JSON.parse(stdout).scenario, 'latency');
  assert.deepEqual(await remainingDifferences(before_), []);
});

for (const [when, line] of [
  ['while the control plane starts', /^control plane$/],
  ['while pods start', /^none: workload/],
  ['while load is sent', /^block 1/],
] as const) {
  test(`Ctrl-C ${when} ends with 130 and leaves nothing behind`, async () => {
    const run = startRun();
    await untilLine(run, line);
    run.kill('SIGINT');
    const { exitCode } = await run.ended;
    assert.equal(exitCode, 130);
    assert.deepEqual(await remainingDifferences(before_), []);
  });

  test(`after kill -9 ${when} the next call leaves nothing behind`, async () => {
    const run = startRun();
    await untilLine(run, line);
    run.kill('SIGKILL');
    await run.ended;
    await lab('status');
    assert.deepEqual(await remainingDifferences(before_), []);
  });
}

test('after kill -9 of the supervisor the next call leaves nothing behind', async () => {
  await lab('up', '--planes', 'none');
  const pid = (await readJournal())?.supervisor?.pid;
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  const { stdout } = await lab('status');
  assert.match(stdout, /No cluster is up/);
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('five cycles of up and down leave nothing behind', async () => {
  const { stdout } = await lab('check', 'cycles', '--count', '5');
  assert.match(stdout, /^5 cycles, 0 differences$/m);
});

test('a second lab at once is told so, and disturbs nothing', async () => {
  const run = startRun();
  await untilLine(run, /^control plane$/);
  const second = await tryExec(process.execPath, [program, 'up', '--planes', 'none']);
  assert.equal(second.exitCode, 5);
  assert.match(second.stderr, /^lab: Another lab is at work/m);
  run.kill('SIGINT');
  assert.equal((await run.ended).exitCode, 130);
});

function lab(...words: string[]) {
  return exec(process.execPath, [program, ...words], { timeoutMs: 300_000 });
}

function startRun(): Process {
  const flags = ['--planes', 'none', '--blocks', '20', '--seconds', '2'];
  return start(process.execPath, [program, 'run', 'latency', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function untilLine(process_: Process, line: RegExp): Promise<void> {
  assert.ok(process_.stderr);
  const lines = createInterface({ input: process_.stderr });
  const [found] = await Promise.race([
    new Promise<[boolean]>((resolve) => lines.on('line', (text) => line.test(text) && resolve([true]))),
    once(lines, 'close').then(() => [false]),
  ]);
  assert.ok(found, `the run ended before it said ${line}`);
  process_.stderr.resume();
}

test('no leftovers of these tests', () => {
  assert.equal(existsSync('/run/datapath-lab/journal.json'), false);
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { V1PodList } from '@kubernetes/client-node';
import { type ExecResult, exec, tryExec } from '../../clusters/exec.ts';
import { attach } from '../../clusters/life/attach.ts';
import { readJournal } from '../../clusters/life/journal.ts';
import { journalPath } from '../../clusters/life/paths.ts';
import { strayProcesses } from '../../clusters/life/stray-process.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { type Process, startProcess } from '../../clusters/process.ts';
import { nodePod } from '../../datapath/node-command.ts';
import type { Comparison } from '../../results/comparison.ts';
import { type HostState, readHostState, remainingDifferences } from '../checks/host-state.ts';
import { untilLine } from '../probes/until-line.ts';
import { exclusively, requireNoCluster } from '../session.ts';
import { judgedRun, withoutLoad } from './without-load.ts';

const program = join(import.meta.dirname, '../lab.ts');
let before_: HostState;

before(async () => {
  await exclusively(requireNoCluster);
  const untouched = await readHostState();
  // The first cluster loads kernel modules, whose defaults show among the sysctls for good.
  await lab('up', '--planes', 'none');
  await lab('down');
  before_ = { ...untouched, sysctls: (await readHostState()).sysctls ?? [] };
});

afterEach(async () => {
  // A failed test's cluster must not fail the next one too.
  if (before_ !== undefined) await tearDown();
});

after(async () => {
  // Where there is no state to go back to, another's cluster may be up.
  if (before_ !== undefined) await tearDown();
});

test('down leaves the host as it was', async () => {
  const { stdout } = await lab('up', '--planes', 'none');
  assert.match(stdout, /^export KUBECONFIG=/);
  assert.notDeepEqual(await remainingDifferences(before_, 0), [], 'a cluster that is up shows');
  await lab('down');
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('a run that brought the cluster up takes it down', async () => {
  await shortRun();
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('with --retain the cluster of a run stays, and the next run takes it', async () => {
  const first = await shortRun('--retain');
  assert.match(first.stderr, /^The cluster stays up; `lab down` ends it\.$/m);
  assert.notEqual(await attach(), null);
  const { stderr } = await shortRun();
  assert.doesNotMatch(stderr, /^control plane$/m);
  assert.notEqual(await attach(), null, 'it was up before');
  await lab('down');
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
    let said = '';
    run.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    run.kill('SIGINT');
    const { exitCode } = await run.ended;
    assert.equal(exitCode, 130, said);
    assert.doesNotMatch(said, /while it ended/);
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

test('after kill -9 of `up` while data planes install the next call leaves nothing behind', async () => {
  const up = startProcess(process.execPath, [program, 'up', '--planes', 'none'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await untilLine(up, /^none: kube-proxy/);
  up.kill('SIGKILL');
  await up.ended;
  const { stdout } = await lab('status');
  assert.match(stdout, /No cluster is up/);
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('after kill -9 of a run on a cluster that is up the next run works, and only its own pods are there', async () => {
  await lab('up', '--planes', 'none');
  const killed = startRun('--placement', 'cross-node,same-node');
  await untilLine(killed, /^block 1/);
  killed.kill('SIGKILL');
  await killed.ended;
  const cluster = await attach();
  assert.ok(cluster);
  const [namespace, node] = ['lab-none-system', 'none-1'];
  const capture = nodePod({ name: 'left-behind', namespace, node, script: 'exec sleep 1000' });
  await cluster.kube.json('POST', `/api/v1/namespaces/${namespace}/pods`, { body: capture });
  const next = startRun();
  await untilLine(next, /^block 1/);
  const { items } = await cluster.kube.json<V1PodList>('GET', '/api/v1/pods');
  const names = items.map(({ metadata }) => metadata?.name).join('\n');
  assert.match(names, /generator-cross-node/);
  assert.doesNotMatch(names, /generator-same-node|left-behind/);
  next.kill('SIGINT');
  assert.equal((await next.ended).exitCode, 130);
  assert.match((await lab('status')).stdout, /A cluster is up/);
  await lab('down');
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('a journal of another version stops what needs a cluster, and `down` removes everything without it', async () => {
  await lab('up', '--planes', 'none');
  await writeFile(journalPath, '{"version":99}');
  for (const words of [['status'], ['up'], ['run', 'latency'], ['check', 'cycles']]) {
    const { exitCode, stdout, stderr } = await tryExec(process.execPath, [program, ...words]);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 5, stdout: '' }, words.join(' '));
    assert.match(stderr, /^lab: .*is not a journal of this version of the lab\n {5}`lab down` .*\n$/);
  }
  const list = await lab('list');
  assert.match(list.stdout, /latency/);
  assert.match(list.stderr, /^lab: what an earlier lab has left could not be removed:\nlab: .*journal/);
  assert.match((await lab('down')).stderr, /^Down after/m);
  assert.deepEqual(await remainingDifferences(before_), []);
});

test('while a cluster starts, commands say so, and `down` leaves it to the one who starts it', async () => {
  const up = startProcess(process.execPath, [program, 'up', '--planes', 'none'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await untilLine(up, /^control plane$/);
  const starting = await strayProcesses();
  assert.ok(starting.length > 0);
  for (const pid of starting) process.kill(pid, 'SIGSTOP');
  const outcomes = await Promise.all(
    [['status'], ['kubectl', 'get', 'pods'], ['exec', 'some/pod', '--', 'true'], ['down']].map((words) =>
      tryExec(process.execPath, [program, ...words]),
    ),
  );
  assert.deepEqual(
    outcomes.map(({ exitCode, stdout }) => ({ exitCode, stdout })),
    Array(4).fill({ exitCode: 5, stdout: '' }),
  );
  for (const { stderr } of outcomes.slice(0, 3))
    assert.match(stderr, /^lab: The cluster is starting: .*\n {5}Wait .*\n$/);
  assert.match(outcomes[3]?.stderr ?? '', /^lab: Another lab is at work/);
  for (const pid of starting) process.kill(pid, 'SIGCONT');
  assert.equal((await up.ended).exitCode, 0);
  assert.match((await lab('status')).stdout, /A cluster is up/);
  await lab('down');
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

/** A run to its end, whose rows are valid but for what a busy machine does to them. */
async function shortRun(...more: string[]): Promise<ExecResult> {
  const words = ['run', 'latency', '--planes', 'none', '--blocks', '1', '--seconds', '1', '--json', ...more];
  const result = await judgedRun(() => tryExec(process.execPath, [program, ...words], { timeoutMs: 300_000 }));
  assert.ok(result.exitCode === 0 || result.exitCode === 4, result.stderr);
  const { scenario, rows } = JSON.parse(result.stdout) as Comparison;
  assert.equal(scenario, 'latency');
  for (const { reason } of rows) assert.equal(withoutLoad(reason ?? ''), '');
  return result;
}

function startRun(...more: string[]): Process {
  const flags = ['--planes', 'none', '--blocks', '20', '--seconds', '2', ...more];
  return startProcess(process.execPath, [program, 'run', 'latency', ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
}

test('no leftovers of these tests', () => {
  assert.equal(existsSync('/run/datapath-lab/journal.json'), false);
});

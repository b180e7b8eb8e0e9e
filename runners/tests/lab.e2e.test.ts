import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ExecResult, tryExec } from '../../clusters/exec.ts';
import { startProcess } from '../../clusters/process.ts';

// The command as a process: what only its entry does, and how `lab test` ends.
const entry = join(import.meta.dirname, '../lab.ts');

let root = '';
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'lab-entry-test-'));
});
after(() => rm(root, { recursive: true }));

/** Without the variable by which node:test knows its children, which would make a test run inside one do nothing. */
const environment = (): Record<string, string> => ({ PATH: process.env.PATH ?? '', HOME: root });

const lab = (...words: string[]): Promise<ExecResult> =>
  tryExec(process.execPath, [entry, ...words], { env: environment(), extendEnv: false, timeoutMs: 60_000 });

async function testFile(name: string, body: string): Promise<string> {
  const file = join(root, name);
  await writeFile(file, `import { test } from 'node:test';\n${body}\n`);
  return file;
}

const lastLines = ({ stdout }: ExecResult, count: number): string[] => stdout.trimEnd().split('\n').slice(-count);

test('passed, failed and skipped tests are counted, and a failure fails the run', async () => {
  const passing = await testFile('a.test.ts', "test('one', () => {});\ntest('two', { skip: 'no moon' }, () => {});");
  const good = await lab('test', passing);
  assert.equal(good.exitCode, 0);
  assert.match(lastLines(good, 3)[0] ?? '', /^unit {4}1 passed, 0 failed, 1 skipped in \d+\.\d s$/);
  assert.match(lastLines(good, 3)[1] ?? '', /^ {8}skipped: .*a\.test\.ts: two \(no moon\)$/);
  assert.equal(lastLines(good, 3)[2], '1 passed, 0 failed, 1 skipped');

  const failing = await testFile('b.test.ts', "test('three', () => { throw new Error('broken'); });");
  const bad = await lab('test', passing, failing);
  assert.equal(bad.exitCode, 5);
  assert.deepEqual(lastLines(bad, 1), ['1 passed, 1 failed, 1 skipped']);
  assert.match(bad.stdout, /Error: broken/);
});

test('the slowest tests are named, and the totals come last', async () => {
  const waiting =
    "test('waits', () => new Promise((resolve) => setTimeout(resolve, 300)));\ntest('does not', () => {});";
  const result = await lab('test', await testFile('slow.test.ts', waiting));
  assert.match(result.stdout, /\nThe slowest tests:\n +0\.[3-9] s {2}\S*slow\.test\.ts {2}waits\n\nunit {4}2 passed/);
  assert.deepEqual(lastLines(result, 1), ['2 passed, 0 failed, 0 skipped']);
});

test('a file that does not even load fails the run', async () => {
  const file = await testFile('c.test.ts', "import './not-there.ts';");
  const result = await lab('test', file);
  assert.equal(result.exitCode, 5);
  assert.deepEqual(lastLines(result, 1), ['0 passed, 1 failed, 0 skipped']);
});

test('where nothing may be skipped, a skipped test fails the run', async () => {
  const file = await testFile('d.test.ts', "test('later', { todo: true }, () => {});\ntest('now', () => {});");
  assert.equal((await lab('test', file)).exitCode, 0);
  const strict = await lab('test', '--require-all', file);
  assert.equal(strict.exitCode, 5);
  assert.deepEqual(lastLines(strict, 2), [
    'Nothing may be skipped here (--require-all).',
    '1 passed, 0 failed, 1 skipped',
  ]);
});

test('a file that is no test, or not there, is wrong usage', async () => {
  for (const [file, why] of [
    [entry, 'is no test file'],
    [join(root, 'none.test.ts'), 'There is no file'],
  ] as const) {
    const { exitCode, stderr } = await lab('test', file);
    assert.equal(exitCode, 2);
    assert.ok(stderr.includes(why), stderr);
  }
});

test('data goes to stdout and can be read by a program', async () => {
  const { stdout } = await lab('list', '--json');
  const { scenarios, dataPlanes } = JSON.parse(stdout);
  assert.ok(scenarios.some(({ name }: { name: string }) => name === 'latency'));
  assert.ok(dataPlanes.some(({ id }: { id: string }) => id === 'none'));
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends a command in order, with 130`, async () => {
    const file = await testFile(
      'endless.test.ts',
      "test('endless', async () => { console.log('it waits'); await new Promise((resolve) => setTimeout(resolve, 60_000)); });",
    );
    const process_ = startProcess(process.execPath, [entry, 'test', file], { env: environment(), extendEnv: false });
    let stderr = '';
    process_.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await new Promise<void>((resolve) => {
      process_.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('it waits')) resolve();
      });
    });
    process_.kill(signal);
    const { exitCode } = await process_.ended;
    assert.equal(exitCode, 130);
    assert.equal(stderr, `lab: Interrupted by ${signal}.\n`);
  });
}

for (const [when, script, exitCode, said] of [
  ['ends the command in order, with 5', 'fail()', 5, /^lab: Error: of a library\n/],
  [
    'while it is interrupted does not keep it from ending in order',
    "process.on('SIGINT', () => setImmediate(fail)); process.kill(process.pid, 'SIGINT')",
    130,
    /^lab: while it ended: Error: of a library\n(.*\n)*lab: Interrupted by SIGINT\.\n$/,
  ],
] as const) {
  test(`a fault that nobody catches ${when}`, async () => {
    const preload = join(root, 'preload.mjs');
    await writeFile(
      preload,
      `const fail = () => void Promise.reject(new Error('of a library'));
      const asSoonAsItRuns = setInterval(() => {
        if (process.listenerCount('uncaughtException') === 0) return;
        clearInterval(asSoonAsItRuns);
        ${script};
      }, 5);`,
    );
    const result = await tryExec(process.execPath, ['--import', preload, entry, 'doctor'], {
      ...{ env: environment(), extendEnv: false, timeoutMs: 50_000 },
    });
    assert.equal(result.exitCode, exitCode, result.stderr);
    assert.match(result.stderr, said);
  });
}

test('a reader that goes away is no failure with a stack', async () => {
  const { stdout, stderr } = await tryExec('sh', ['-c', `"$0" "$1" list --json | head -c 1`, process.execPath, entry], {
    env: environment(),
    extendEnv: false,
  });
  assert.equal(stdout, '{');
  assert.doesNotMatch(stderr, /EPIPE/);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exec, tryExec } from '../exec.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lab-supervisor-test-'));
});
after(() => rm(directory, { recursive: true }));

/** In a process of its own, which ends as a command does: when nothing is left to wait for. */
async function startOf(body: string): Promise<string> {
  const [program, log, command] = ['program.ts', 'log', 'command.ts'].map((name) => join(directory, name));
  assert.ok(program && log && command);
  await writeFile(program, body);
  await writeFile(
    command,
    `import { startSupervisor } from '${import.meta.dirname}/start.ts';
    const supervisor = await startSupervisor({
      what: 'the test', program: '${program}', options: () => ({}), log: '${log}', timeoutSeconds: 20,
    });
    await supervisor.ready(new AbortController().signal, () => {}).then(() => console.log('ready'), (error) => {
      console.log(error.message);
    });
    supervisor.process.kill('SIGKILL');`,
  );
  const { exitCode, stdout, stderr } = await tryExec(process.execPath, [command], { timeoutMs: 30_000 });
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

const supervise = `import { supervise } from '${import.meta.dirname}/supervise.ts';`;

test('one that is ready is waited for, and killed it is gone', { skip }, async () => {
  assert.equal(await startOf(`${supervise}\nawait supervise(async () => {});`), 'ready\n');
  const processes = async (): Promise<string> => (await exec('ps', ['-eo', 'args'])).stdout;
  for (let waitedMs = 0; waitedMs < 10_000 && (await processes()).includes('lab-supervisor-test'); waitedMs += 50) {
    await delay(50);
  }
  assert.doesNotMatch(await processes(), /lab-supervisor-test/);
});

test('one whose start fails says why', { skip }, async () => {
  const failing = `${supervise}\nawait supervise(async () => { throw new Error('no such thing'); });`;
  assert.equal(await startOf(failing), 'The start of the test failed: no such thing\n');
});

test('one that ends without a word is told of, with the last lines of its log', { skip }, async () => {
  const output = await startOf("console.log('it was going well');\nprocess.exit(3);");
  assert.equal(output, 'The start of the test ended:\nit was going well\n');
});

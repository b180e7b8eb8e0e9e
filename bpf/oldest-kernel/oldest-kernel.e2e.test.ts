import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../clusters/error.ts';
import { packetTests, testOnOldestKernel } from './kernel-tests.ts';
import { runOnOldestKernel } from './oldest-kernel.ts';
import { figuresHere, figuresOnOldestKernel } from './verifier-figures.ts';
import { departures, readVerifierRecord } from './verifier-record.ts';

const progress = (message: string): void => console.error(message);

test('the oldest kernel and the running one take every program, and not with much more work than before', async (t) => {
  const recorded = await readVerifierRecord();
  const running = await figuresHere({ signal: t.signal, progress });
  const oldest = await figuresOnOldestKernel({ signal: t.signal, progress });
  t.diagnostic(JSON.stringify({ oldest, running }));
  assert.match(oldest.kernel, /^6\.1\./);
  assert.deepEqual(departures(recorded.oldest, oldest), []);
  assert.deepEqual(departures(recorded.running, running), []);
});

test('the packet tests pass on the oldest kernel', async ({ signal }) => {
  const { exitCode, stdout, stderr, console } = await testOnOldestKernel(packetTests, { signal, progress });
  assert.equal(exitCode, 0, `${stdout}${stderr}${console.slice(-2000)}`);
  assert.match(stdout, /^ℹ pass \d{2,}$/m);
});

test('words, streams and the exit code come through as they are', async ({ signal }) => {
  const script = 'printf "%s\\n" "$1"; uname -r >&2; exit 77';
  const result = await runOnOldestKernel(['sh', '-c', script, 'sh', "it's  ünï $HOME"], { signal, progress });
  assert.deepEqual([result.exitCode, result.stdout], [77, "it's  ünï $HOME\n"]);
  assert.match(result.stderr, /^6\.1\..*\n$/);
});

test('a panic is an error that says so', async ({ signal }) => {
  const panic = ['sh', '-c', 'echo before; echo c >/proc/sysrq-trigger'] as const;
  await assert.rejects(runOnOldestKernel(panic, { signal, progress }), {
    code: 'LAB_MACHINE_DIED',
    message: /: Kernel panic - not syncing: sysrq.*\nend of console:\n.*\nend of stdout:\n {2}before$/s,
  });
});

test('what hangs is ended at its deadline, and by its signal', async ({ signal }) => {
  await assert.rejects(runOnOldestKernel(['sleep', 'infinity'], { signal, progress, deadlineSeconds: 3 }), {
    code: 'LAB_MACHINE_DEADLINE',
    message: /not done after 3 s\nend of /,
  });
  const stop = new AbortController();
  const reason = new LabError('LAB_INTERRUPTED', { message: 'Interrupted.' });
  const onProgress = (message: string): void => {
    if (message.includes('running')) setTimeout(() => stop.abort(reason), 500);
  };
  await assert.rejects(
    runOnOldestKernel(['sleep', 'infinity'], { signal: stop.signal, progress: onProgress }),
    (error) => error === reason,
  );
});

import assert from 'node:assert/strict';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { contained } from '../../contained.ts';
import { exec } from '../../exec.ts';
import { hierarchies } from '../../life/cgroup.ts';
import { runtimeDirectory } from '../../life/paths.ts';
import { readRootControllers, resetRootControllers } from '../../life/root-controllers.ts';
import { startProcess } from '../../process.ts';

/** Set in the process that runs the tests inside, to a cgroup subtree of its own: a lab that is up is left alone. */
const insideVariable = 'LAB_TEST_CGROUP';

/** Names a file for those who want to know how long the tests inside took; see `ended-tests.ts`. */
const endedTestsVariable = 'LAB_TEST_ENDED';

/**
 * Declares the tests of a file that need a network of their own: outside, one test that runs them all in new network,
 * mount and process namespaces, whose end is the end of everything in them; inside, the tests themselves. The file gets
 * the arguments of this process.
 */
export function testInNamespaces(
  file: string,
  declare: () => void,
  { title = 'in namespaces of its own' }: { title?: string } = {},
): void {
  if (process.env[insideVariable] !== undefined) {
    declare();
    return;
  }
  const skip = process.getuid?.() === 0 ? false : 'needs root';
  test(title, { skip }, async () => {
    const controllers = await readRootControllers();
    const cgroupRoot = `datapath-lab-test-${process.pid}`;
    const program = [process.execPath, ...reporters(), '--test-force-exit', file, ...process.argv.slice(2)];
    // A process of number 1 that is no shell would get no signals that it does not ask for.
    const script = 'ip link set lo up && "$@"; exit $?';
    const command = contained('unshare', ['--net', '--', 'sh', '-c', script, 'test', ...program]);
    const child = startProcess(...command, {
      env: { [insideVariable]: cgroupRoot, NODE_TEST_CONTEXT: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (process.env.LAB_TEST_VERBOSE) process.stderr.write(chunk);
      });
    }
    const { exitCode } = await child.ended;
    for (const point of await hierarchies()) await removeEmpty(join(point, cgroupRoot), Date.now() + 10_000);
    if (controllers !== null) await resetRootControllers(controllers);
    assert.equal(exitCode, 0, output);
  });
}

function reporters(): string[] {
  const wanted = process.env[endedTestsVariable];
  const spec = ['--test-reporter=spec', '--test-reporter-destination=stdout'];
  if (wanted === undefined) return spec;
  const own = join(import.meta.dirname, 'ended-tests.ts');
  return [...spec, `--test-reporter=${own}`, `--test-reporter-destination=${wanted}`];
}

/** Gives this namespace an empty lab's folder of its own, and returns its path. */
export async function privateRun(): Promise<string> {
  await exec('sh', ['-ec', 'mount -t tmpfs lab-test /run && mkdir "$1"', 'sh', runtimeDirectory]);
  return runtimeDirectory;
}

/** The cgroup subtree that tests inside may use; it is removed when they end. */
export function testCgroup(): string {
  return process.env[insideVariable] ?? '';
}

/** A cgroup stays busy for a moment after its last process. */
async function removeEmpty(directory: string, deadlineMs: number): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => null);
  if (entries === null) return;
  for (const entry of entries) if (entry.isDirectory()) await removeEmpty(join(directory, entry.name), deadlineMs);
  for (;;) {
    const gone = await rmdir(directory).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (gone) return;
    assert.ok(Date.now() < deadlineMs, `${directory} cannot be removed`);
    await delay(20);
  }
}

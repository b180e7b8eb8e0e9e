import { globSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../../clusters/tools/host-packages.ts';
import { buildObjects, withObjects } from '../tests/packets/programs.ts';
import type { MachineResult } from './machine.ts';
import { type OldestKernelOptions, runOnOldestKernel } from './oldest-kernel.ts';
import { repositoryInside } from './payload.ts';

const repository = join(import.meta.dirname, '../..');

/** Those of these tests that compile what the machine cannot. */
const compiling = ['mutation.bpf.test.ts', 'ping-pong.bpf.test.ts'];

/** Names of tests that do not hold there. */
const skipped = [
  // They must be done in 120 seconds, in ten or in one, which is not much where instructions are emulated.
  'a large transfer, and back',
  'data right after connect',
  'a read that (blocks|waits) fails at once',
  'datagrams by UDP',
  // FIONREAD counts only what came by packets: the README says so.
  'how much is unread',
];

/** The tests of the packet programs. */
export const packetTests = testsIn('bpf/tests/packets');

/** The tests of the programs at sockets. */
export const socketTests = testsIn('bpf/tests/sockets');

/** Where the objects are in the machine. */
const objectsInside = `${repositoryInside}/objects`;

const environment = {
  // The machine's ports are terminals.
  NO_COLOR: '1',
  ...withObjects(objectsInside),
  CLANG: `sh ${repositoryInside}/bpf/oldest-kernel/compiled.sh`,
  // The machine's own namespaces are as good as new ones, and the cgroup has this name.
  LAB_TEST_CGROUP: 'test',
  // An episode of the fuzzer proves nothing when it lasts longer than nine seconds; emulated, this many take two.
  LAB_FUZZ_PACKETS: '300',
};

/**
 * Runs test files on the oldest kernel, on objects that are compiled here, all in one process: each would need ten
 * seconds to start. @returns what the spec reporter wrote, and an exit code other than 0 where a test failed.
 */
export async function testOnOldestKernel(
  files: readonly string[],
  { deadlineSeconds = 1200, ...options }: OldestKernelOptions,
): Promise<MachineResult> {
  await ensurePackages(['clang', 'libbpf-dev', 'make'], options);
  const sources = globSync('{,tests/}*.bpf.c', { cwd: join(repository, 'bpf') });
  const objects = await buildObjects(sources.map((source) => source.replace(/c$/, 'o')));
  try {
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const skips = skipped.map((name) => `--test-skip-pattern=${name}`);
    const node = ['node', '--test-reporter=spec', '--test-force-exit', ...skips, 'runners/tiers/shard.ts'];
    return await runOnOldestKernel(['env', ...variables, ...node, ...files], {
      title: files.length === 1 ? files.join() : `${files.length} test files`,
      ...options,
      deadlineSeconds,
      files: { ...options.files, [objectsInside.slice(repositoryInside.length + 1)]: objects.directory },
    });
  } finally {
    await objects.remove();
  }
}

function testsIn(folder: string): readonly string[] {
  const names = globSync('*.bpf.test.ts', { cwd: join(repository, folder) });
  return names
    .filter((name) => !compiling.includes(name))
    .sort()
    .map((name) => join(folder, name));
}

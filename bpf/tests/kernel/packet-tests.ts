import { globSync } from 'node:fs';
import { join } from 'node:path';
import { buildObjects, withObjects } from '../../../datapath/sidecarless/packets/programs.ts';
import type { MachineResult } from './machine.ts';
import { type OldestKernelOptions, runOnOldestKernel } from './oldest-kernel.ts';

const repository = join(import.meta.dirname, '../../..');

const tests = 'datapath/sidecarless/packets';

/** They compile programs of their own, which the machine cannot. */
const compiling = [`${tests}/mutation.bpf.test.ts`];

/** Where the objects are in the machine. */
const objectsFolder = 'objects';

/** Emulated, a packet takes some fifty times as long: these are one episode, which must end within seconds. */
const fuzzPackets = 800;

/**
 * Runs test files of the packet programs on the oldest kernel, where none is named all that need no compiler, on objects
 * compiled here. @returns what `node --test` left.
 */
export async function packetTestsOnOldestKernel(
  files: readonly string[],
  { deadlineSeconds = 1200, ...options }: OldestKernelOptions,
): Promise<MachineResult> {
  const chosen = files.length > 0 ? files : allTests();
  const sources = globSync('{,tests/}*.bpf.c', { cwd: join(repository, 'bpf') });
  const objects = await buildObjects(sources.map((source) => source.replace(/c$/, 'o')));
  try {
    const environment = { ...withObjects(objectsFolder), LAB_FUZZ_PACKETS: `${fuzzPackets}` };
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    // Files isolate their tests themselves, and every process costs seconds.
    return await runOnOldestKernel(['env', ...variables, 'node', '--test', '--test-isolation=none', ...chosen], {
      ...options,
      deadlineSeconds,
      files: { ...options.files, [objectsFolder]: objects.directory },
    });
  } finally {
    await objects.remove();
  }
}

function allTests(): string[] {
  const found = globSync(`${tests}/*.bpf.test.ts`, { cwd: repository }).filter((file) => !compiling.includes(file));
  if (found.length === 0) throw new Error(`there are no packet tests in ${tests}`);
  return found.sort();
}

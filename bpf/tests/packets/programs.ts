import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exec } from '../../../clusters/exec.ts';

/** A directory of objects that are to be tested instead of those of this tree: see {@link withObjects}. */
const objectsVariable = 'LAB_TEST_BPF_OBJECTS';

const sources = join(import.meta.dirname, '../..');

/** Objects of tc programs, and what removes them where they were made for this call. */
export type Objects = { directory: string; remove(): Promise<void> };

/** Compiles targets of bpf/'s Makefile into a directory of their own; `from` may be a copy of bpf/. */
export async function buildObjects(targets: readonly string[], from = sources): Promise<Objects> {
  const given = process.env[objectsVariable];
  if (given !== undefined && from === sources) return { directory: given, remove: async () => undefined };
  const directory = await mkdtemp(join(tmpdir(), 'lab-bpf-objects-'));
  await exec('nice', ['make', '-C', from, `OUT=${directory}`, ...targets.map((target) => join(directory, target))]);
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** The environment in which test files test the objects in a directory. */
export function withObjects(directory: string): Record<string, string> {
  return { [objectsVariable]: directory };
}

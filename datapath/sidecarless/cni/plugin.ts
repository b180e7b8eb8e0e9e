import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../../clusters/exec.ts';

/** The plugin's program name, which is its `type` in a network configuration. */
export const pluginName = 'lab-sidecarless';

/** Where its whole source is. */
export const pluginSource = join(import.meta.dirname, 'plugin', `${pluginName}.c`);

const flags = ['-std=gnu11', '-static', '-O2', '-s', '-Wall', '-Wextra', '-Werror'];

/**
 * Compiles the plugin to a static program that runs on any node. A program that is there may be running: it is replaced.
 * @throws LabError LAB_EXEC_FAILED in the compiler's words, or when there is none.
 */
export async function buildPlugin(
  output: string,
  { signal, compiler = 'gcc' }: { signal: AbortSignal; compiler?: string },
): Promise<void> {
  const draft = `${output}.draft`;
  try {
    await exec(compiler, [...flags, '-o', draft, pluginSource], { signal });
    await rename(draft, output);
  } finally {
    await rm(draft, { force: true });
  }
}

import type { CacheContext } from '../../clusters/tools/cache.ts';
import { ensurePackages } from '../../clusters/tools/host-packages.ts';
import { type MachineResult, runMachine } from './machine.ts';
import { ensureMachineImage } from './machine-image.ts';
import { withNamelessFiles } from './nameless-files.ts';
import { type ExtraFiles, writePayload } from './payload.ts';

export type OldestKernelOptions = CacheContext & {
  /** How long the machine may take, its start included. */
  deadlineSeconds?: number;
  files?: ExtraFiles;
  /** What progress calls the command, where that is long. */
  title?: string;
};

/**
 * Runs a command on the oldest kernel that the sidecarless data plane supports: Debian 12's, in an emulated machine. It
 * runs there as root, in the repository's folder, with what machine-image.ts names, the packages that TypeScript files
 * among its words import, and the compiled BPF programs where `programPath` says; without network and compiler.
 * Nothing of the machine is left, however this process ends, but an image in the cache.
 *
 * @returns what the command left, whatever its exit code, and what was on the console.
 * @throws LabError LAB_HOST_LACKS (exit 3) where QEMU is missing and cannot be installed; LAB_MACHINE_DIED when the
 * kernel panicked or the machine ended otherwise before the command did; LAB_MACHINE_DEADLINE. The last two quote the
 * end of what console and command said.
 */
export async function runOnOldestKernel(
  command: readonly [string, ...string[]],
  { deadlineSeconds = 600, files = {}, title = command.join(' '), ...context }: OldestKernelOptions,
): Promise<MachineResult> {
  await ensurePackages(['qemu-system-x86'], context);
  const image = await ensureMachineImage(context);
  return await withNamelessFiles(1, async ([payload]) => {
    if (payload === undefined) throw new Error('no file was opened');
    await writePayload(command, files, payload.fd, context);
    context.progress(`oldest kernel: running ${title}`);
    return await runMachine({ ...image, payload: payload.fd }, { deadlineSeconds, signal: context.signal });
  });
}

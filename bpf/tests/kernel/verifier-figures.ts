import { join, relative } from 'node:path';
import { z } from 'zod';
import { contained } from '../../../clusters/contained.ts';
import { LabError } from '../../../clusters/error.ts';
import { type ExecResult, tryExec } from '../../../clusters/exec.ts';
import type { CacheContext } from '../../../clusters/tool-cache.ts';
import { ensureTools } from '../../../clusters/tools.ts';
import { type OldestKernelOptions, runOnOldestKernel } from './oldest-kernel.ts';

/** A kernel, and how many instructions its verifier went through for each program of the data plane. */
export const VerifierFigures = z.strictObject({
  kernel: z.string(),
  verifiedInstructions: z.record(z.string(), z.int().positive()),
});
export type VerifierFigures = z.infer<typeof VerifierFigures>;

const repository = join(import.meta.dirname, '../../..');
const verify = join(relative(repository, import.meta.dirname), 'verify.ts');
const quotedCharacters = 4000;

/**
 * Of the running kernel, as root; no program stays there.
 * @throws LabError LAB_BPF_REFUSED with the end of what the verifier said, where it does not accept all programs.
 */
export async function figuresHere(context: CacheContext): Promise<VerifierFigures> {
  await ensureTools(['sidecarless-bpf'], context);
  const inOwnBpffs = 'mount -t bpf bpf /sys/fs/bpf && exec "$@"';
  const [file, args] = contained('sh', ['-c', inOwnBpffs, 'sh', process.execPath, verify]);
  return figuresOf('The running kernel', await tryExec(file, args, { cwd: repository, signal: context.signal }));
}

/** Of the oldest kernel, with the errors of {@link runOnOldestKernel} besides. */
export async function figuresOnOldestKernel(options: OldestKernelOptions): Promise<VerifierFigures> {
  return figuresOf('The oldest kernel', await runOnOldestKernel(['node', verify], options));
}

function figuresOf(kernel: string, { exitCode, stdout, stderr }: ExecResult): VerifierFigures {
  if (exitCode === 0) return VerifierFigures.parse(JSON.parse(stdout));
  throw new LabError('LAB_BPF_REFUSED', {
    message: `${kernel} does not take every program of the data plane:\n${stderr.slice(-quotedCharacters)}`,
  });
}

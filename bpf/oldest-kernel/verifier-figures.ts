import { join, relative } from 'node:path';
import { z } from 'zod';
import { contained } from '../../clusters/contained.ts';
import { LabError } from '../../clusters/error.ts';
import { type ExecResult, exec, tryExec } from '../../clusters/exec.ts';
import type { CacheContext } from '../../clusters/tools/cache.ts';
import { ensurePackages } from '../../clusters/tools/host-packages.ts';
import { ensurePrograms } from '../../clusters/tools/programs.ts';
import { bpfObjects } from '../../datapath/sidecarless/programs.ts';
import { type OldestKernelOptions, runOnOldestKernel } from './oldest-kernel.ts';

/** A kernel, and how many instructions its verifier went through for each program of the data plane. */
export const KernelFigures = z.strictObject({
  kernel: z.string(),
  verifiedInstructions: z.record(z.string(), z.int().positive()),
});
export type KernelFigures = z.infer<typeof KernelFigures>;

/** The same, and the first line of what the compiler of the programs says of its version. */
export const VerifierFigures = KernelFigures.extend({ compiler: z.string() });
export type VerifierFigures = z.infer<typeof VerifierFigures>;

const repository = join(import.meta.dirname, '../..');
const verify = join(relative(repository, import.meta.dirname), 'verify.ts');
const quotedCharacters = 4000;

/**
 * Of the running kernel, as root; no program stays there.
 * @throws LabError LAB_BPF_REFUSED with the end of what the verifier said, where it does not accept all programs.
 */
export async function figuresHere(context: CacheContext): Promise<VerifierFigures> {
  await ensurePrograms([bpfObjects], context);
  const inOwnBpffs = 'mount -t bpf bpf /sys/fs/bpf && exec "$@"';
  const [file, args] = contained('sh', ['-c', inOwnBpffs, 'sh', process.execPath, verify]);
  const result = await tryExec(file, args, { cwd: repository, signal: context.signal });
  return { ...figuresOf('The running kernel', result), compiler: await compilerVersion(context) };
}

/** Of the oldest kernel, with the errors of {@link runOnOldestKernel} besides. */
export async function figuresOnOldestKernel(options: OldestKernelOptions): Promise<VerifierFigures> {
  const result = await runOnOldestKernel(['node', verify], options);
  return { ...figuresOf('The oldest kernel', result), compiler: await compilerVersion(options) };
}

function figuresOf(kernel: string, { exitCode, stdout, stderr }: ExecResult): KernelFigures {
  if (exitCode === 0) return KernelFigures.parse(JSON.parse(stdout));
  throw new LabError('LAB_BPF_REFUSED', {
    message: `${kernel} does not take every program of the data plane:\n${stderr.slice(-quotedCharacters)}`,
  });
}

async function compilerVersion(context: CacheContext): Promise<string> {
  await ensurePackages(['clang'], context);
  const { stdout } = await exec('clang', ['--version'], { signal: context.signal });
  return stdout.split('\n')[0] ?? '';
}

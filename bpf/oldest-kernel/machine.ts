import type { FileHandle } from 'node:fs/promises';
import { LabError } from '../../clusters/error.ts';
import type { ExecResult } from '../../clusters/exec.ts';
import { startProcess } from '../../clusters/process.ts';
import { withNamelessFiles } from './nameless-files.ts';

/** What a machine is started with: paths of kernel and initramfs, and a descriptor of what is to be its first disk. */
export type Machine = { kernel: string; initrd: string; payload: number };

/** What the machine's command left, and what the kernel said on the console. */
export type MachineResult = ExecResult & { console: string };

const program = 'qemu-system-x86_64';
const memoryMebibytes = 1536;

/** The serial ports in their order. The kernel and init speak on the first, the command on the next two. */
const ports = ['console', 'stdout', 'stderr', 'exit code'];

/** QEMU's descriptors of the payload and of the first port's file. */
const payloadFd = 3;
const firstPortFd = 4;

const quotedLines = 20;

/**
 * Runs a machine until it resets itself, and returns what its command left. It is emulated: KVM is missing in most
 * virtual machines and hangs in some; without it the machine is the same everywhere.
 * @throws LabError as runOnOldestKernel says.
 */
export async function runMachine(
  { kernel, initrd, payload }: Machine,
  { deadlineSeconds, signal }: { deadlineSeconds: number; signal: AbortSignal },
): Promise<MachineResult> {
  return await withNamelessFiles(ports.length, async (files) => {
    signal.throwIfAborted();
    const deadline = AbortSignal.timeout(deadlineSeconds * 1000);
    // It dies with this process, even if that is killed.
    const machine = startProcess('setpriv', ['--pdeathsig', 'KILL', '--', program, ...options(kernel, initrd)], {
      signal: AbortSignal.any([signal, deadline]),
      stdio: ['ignore', 'ignore', 'pipe', payload, ...files.map(({ fd }) => fd)],
    });
    const complaint = machine.stderr?.toArray() ?? [];
    const { exitCode: ownExitCode } = await machine.ended;
    signal.throwIfAborted();
    const [console = '', stdout = '', stderr = '', exitCode = ''] = await Promise.all(files.map(textOf));
    if (/^\d+\n$/.test(exitCode)) return { exitCode: Number(exitCode), stdout, stderr, console };
    const lastWords = quote({ console, stdout, stderr, [program]: (await complaint).join('') });
    if (deadline.aborted) {
      throw new LabError('LAB_MACHINE_DEADLINE', {
        message: `The machine with the oldest kernel was not done after ${deadlineSeconds} s${lastWords}`,
      });
    }
    const why = /Kernel panic.*/.exec(console)?.[0].trim() ?? `${program} exited with ${ownExitCode}`;
    throw new LabError('LAB_MACHINE_DIED', {
      message: `The machine with the oldest kernel ended before its command did: ${why}${lastWords}`,
    });
  });
}

function options(kernel: string, initrd: string): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // One processor is as quick as several, and without AVX, which takes twice as long to emulate.
    ...['-accel', 'tcg,thread=single', '-cpu', 'Nehalem', '-smp', '1', '-m', `${memoryMebibytes}`],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 panic=-1 oops=panic mitigations=off'],
    ...['-drive', `file=/dev/fd/${payloadFd},format=raw,if=virtio,readonly=on`],
    ...ports.flatMap((_, index) => ['-serial', `file:/dev/fd/${firstPortFd + index}`]),
  ];
}

async function textOf(file: FileHandle): Promise<string> {
  return await file.readFile('utf8');
}

function quote(texts: Record<string, string>): string {
  return Object.entries(texts)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => {
      const lines = text.replaceAll('\r', '').trimEnd().split('\n').slice(-quotedLines);
      return `\nend of ${name}:${lines.map((line) => `\n  ${line}`).join('')}`;
    })
    .join('');
}

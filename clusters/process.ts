import type { Duplex, Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { type ExecOptions, execError } from './exec.ts';

/** A process that goes on running: its id, its streams, and a promise of how it ended (which never rejects). */
export type Process = {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** All descriptors by number; null where there is no pipe to us. */
  readonly stdio: readonly (Readable | Writable | Duplex | null | undefined)[];
  readonly ended: Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
};

/** What a descriptor of a long-running process is: a pipe to us, nothing, our own, or an open descriptor of ours. */
export type Stdio = 'pipe' | 'ignore' | 'inherit' | number;

/**
 * Starts a program that outlives the call. It is killed when the lab's own process ends, unless `detached`.
 * @throws LabError LAB_EXEC_FAILED when it cannot be started.
 */
export function startProcess(
  file: string,
  args: readonly string[],
  options: Omit<ExecOptions, 'input' | 'timeoutMs'> & { stdio?: readonly Stdio[]; detached?: boolean } = {},
): Process {
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    // execa takes any open descriptor; its types name only the first three.
    stdio: (options.stdio ?? ['ignore', 'pipe', 'pipe']) as ['pipe', 'pipe', 'pipe'],
    cleanup: !options.detached,
    detached: options.detached ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    extendEnv: options.extendEnv ?? true,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  if (child.pid === undefined) {
    throw execError(file, args, { exitCode: 127, stdout: '', stderr: 'it could not be started' });
  }
  if (options.detached) child.nodeChildProcess.unref();
  const ended = child.then((result) => ({
    exitCode: result.exitCode ?? null,
    signal: (result.signal as NodeJS.Signals | undefined) ?? null,
  }));
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    stdio: child.stdio,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

import { constants } from 'node:os';
import type { Duplex, Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { LabError } from './error.ts';

/** How a process is run. Times are in milliseconds, as the operating system's timers take them. */
export type ExecOptions = {
  cwd?: string;
  /** Replaces the environment when `extendEnv` is false; is added to it otherwise. */
  env?: Record<string, string>;
  extendEnv?: boolean;
  input?: string | Uint8Array;
  signal?: AbortSignal;
  /** The process is killed after this long and the call fails. */
  timeoutMs?: number;
};

/** What a finished process left: exit code, and its two streams as text. */
export type ExecResult = { exitCode: number; stdout: string; stderr: string };

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
 * Runs a program to its end and returns its output.
 * @throws LabError LAB_EXEC_FAILED with the command line and the last lines of its output when it exits non-zero,
 * cannot be started, is aborted or runs out of time.
 */
export async function exec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const result = await tryExec(file, args, options);
  if (result.exitCode !== 0) throw execError(file, args, result);
  return result;
}

/** Runs a program to its end and returns its output, whatever the exit code: 127 when it cannot be started, 124 out of time. */
export async function tryExec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const result = await execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    extendEnv: options.extendEnv ?? true,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
  });
  options.signal?.throwIfAborted();
  const stderr = result.exitCode === undefined ? `${result.stderr}${result.shortMessage ?? ''}` : result.stderr;
  return { exitCode: result.exitCode ?? (result.timedOut ? 124 : 127), stdout: result.stdout, stderr };
}

/**
 * Starts a program that outlives the call. It is killed when the lab's own process ends, unless `detached`.
 * @throws LabError LAB_EXEC_FAILED when it cannot be started.
 */
export function start(
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

/** The command as one line that could be pasted into a shell. */
export function commandLine(file: string, args: readonly string[]): string {
  return [file, ...args]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

function execError(file: string, args: readonly string[], { exitCode, stdout, stderr }: ExecResult): LabError {
  const tail = (stderr.trim() || stdout.trim()).split('\n').slice(-8).join('\n');
  return new LabError('LAB_EXEC_FAILED', {
    message: `${commandLine(file, args)} exited with ${exitCode}${tail === '' ? '' : `:\n${tail}`}`,
  });
}

/**
 * Runs a program with this process's own terminal, input and output, and returns its exit code (128 + n when signal n
 * ended it). It gets the terminal's signals itself.
 */
export async function runInForeground(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const result = await execa(file, args, { reject: false, stdio: 'inherit', env, cleanup: true });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal !== undefined) return 128 + (constants.signals[result.signal as NodeJS.Signals] ?? 0);
  throw execError(file, args, { exitCode: 127, stdout: '', stderr: 'it could not be started' });
}

import { constants } from 'node:os';
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
  const { execa } = await loadExeca();
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

/** The command as one line that could be pasted into a shell. */
export function commandLine(file: string, args: readonly string[]): string {
  return [file, ...args]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** What is thrown about a process that failed: its command line and the last lines of its output. */
export function execError(file: string, args: readonly string[], { exitCode, stdout, stderr }: ExecResult): LabError {
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
  const { execa } = await loadExeca();
  const result = await execa(file, args, { reject: false, stdio: 'inherit', env, cleanup: true });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal !== undefined) return 128 + (constants.signals[result.signal as NodeJS.Signals] ?? 0);
  throw execError(file, args, { exitCode: 127, stdout: '', stderr: 'it could not be started' });
}

/** The library takes as long to load as a small command runs: most commands start nothing. */
function loadExeca(): Promise<typeof import('execa')> {
  return import('execa');
}

import type { Writable } from 'node:stream';
import type { LabError } from '../clusters/error.ts';
import { parseArguments, usageError } from './arguments.ts';
import type { CommandEntry } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { didYouMean } from './suggestion.ts';

/** The world of one call of `lab`, as arguments. */
export type CliContext = {
  commands: Readonly<Record<string, CommandEntry>>;
  stdout: Writable;
  stderr: Writable;
  signal: AbortSignal;
  /** Throws what a command that touches a cluster must say on a host that cannot have one. */
  requireClusterHost: () => void;
};

/** Runs the command that the words name and returns the exit code. Every error becomes one message on stderr. */
export async function runCli(words: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(words, context);
  } catch (error) {
    if (context.signal.aborted) return report(context.signal.reason, context.stderr);
    return report(error, context.stderr);
  }
}

async function dispatch(words: readonly string[], context: CliContext): Promise<number> {
  const { commands, stdout, stderr, signal } = context;
  const [name = '--help', ...rest] = words;
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    stdout.write(overview(commands));
    return 0;
  }
  if (name === 'help') return await dispatch([rest[0] ?? '', '--help'], context);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const kind = name.startsWith('-') ? 'flag' : 'command';
    throw usageError(null, `lab has no ${kind} ${name}${didYouMean(name, [...Object.keys(commands), '--help'])}`);
  }
  const command = await entry.load();
  const parsed = await parseArguments(name, command, rest);
  if (parsed.help) {
    stdout.write(commandHelp(name, entry.summary, command));
    return 0;
  }
  if (command.cluster) context.requireClusterHost();
  return (await command.run({ ...parsed, signal, stdout, stderr })) ?? 0;
}

function report(error: unknown, stderr: Writable): number {
  if (isCoded(error)) {
    stderr.write(`lab: ${error.message}\n`);
    if (error.remedy !== null) stderr.write(`     ${error.remedy}\n`);
    return error.exitCode;
  }
  stderr.write(`lab: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 5;
}

/** By their fields, not their class: results/ has coded errors too, and imports nothing of the lab. */
function isCoded(error: unknown): error is Pick<LabError, 'message' | 'remedy' | 'exitCode'> {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('LAB_') && 'exitCode' in error;
}

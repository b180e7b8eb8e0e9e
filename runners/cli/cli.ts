import type { Writable } from 'node:stream';
import type { LabError } from '../../clusters/error.ts';
import { type ParsedArguments, parseArguments, usageError } from './arguments.ts';
import type { Command, Commands } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { didYouMean } from './suggestion.ts';

/** The world of one call of `lab`, as arguments. */
export type CliContext = {
  commands: Commands;
  stdout: Writable;
  stderr: Writable;
  signal: AbortSignal;
  /** Throws what a command that touches a cluster must say on a host that cannot have one. */
  requireClusterHost: () => void;
  /** Removes what a killed lab has left. Rejects when it cannot. */
  tidyUp: () => Promise<void>;
};

/** Runs the command that the words name and returns the exit code. Every error becomes one message on stderr. */
export async function runCli(words: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(words, context);
  } catch (error) {
    const { signal, stderr } = context;
    if (!signal.aborted) return report(error, stderr);
    const exitCode = report(signal.reason, stderr);
    // What has no code broke because of the interruption.
    if (error !== signal.reason && isCoded(error)) report(error, stderr);
    return exitCode;
  }
}

async function dispatch(words: readonly string[], context: CliContext): Promise<number> {
  const { commands, stdout, stderr, signal } = context;
  const untidy = await context.tidyUp().then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const call = await understand(words, commands);
  const command = 'help' in call ? null : call.command;
  if (command?.cluster) context.requireClusterHost();
  if (untidy !== null) {
    if (command?.cluster && !command.cleansUp) throw untidy.error;
    stderr.write('lab: what an earlier lab has left could not be removed:\n');
    report(untidy.error, stderr);
  }
  if ('help' in call) {
    stdout.write(call.help);
    return 0;
  }
  return (await call.command.run({ ...call.parsed, signal, stdout, stderr, commands })) ?? 0;
}

/** What the words ask for: a text of help, or a command. */
type Call = { help: string } | { command: Command; parsed: ParsedArguments & { help: false } };

async function understand(words: readonly string[], commands: Commands): Promise<Call> {
  const [name = '--help', ...rest] = words;
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) return { help: overview(commands) };
  if (name === 'help') return await understand([rest[0] ?? '', '--help'], commands);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const kind = name.startsWith('-') ? 'flag' : 'command';
    throw usageError(null, `lab has no ${kind} ${name}${didYouMean(name, [...Object.keys(commands), '--help'])}`);
  }
  const command = await entry.load();
  const parsed = await parseArguments(name, command, rest);
  return parsed.help ? { help: commandHelp(name, entry.summary, command) } : { command, parsed };
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

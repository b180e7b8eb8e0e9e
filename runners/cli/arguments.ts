import { parseArgs } from 'node:util';
import { LabError } from '../../clusters/error.ts';
import type { Command, Flags, FlagValues } from './command.ts';
import { didYouMean } from './suggestion.ts';

/** What the words after a command's name say. */
export type ParsedArguments =
  | { help: true }
  | { help: false; flags: FlagValues<Flags>; positionals: readonly string[]; rest: readonly string[] };

/**
 * Reads the words after a command's name by the command's table.
 * @throws LabError LAB_USAGE (exit 2) about the first flag or value that is wrong, with the nearest that is right.
 */
export async function parseArguments(
  name: string,
  command: Command,
  words: readonly string[],
): Promise<ParsedArguments> {
  if (command.rest === 'all') {
    if (words[0] === '--help') return { help: true };
    return { help: false, flags: {}, positionals: [], rest: words };
  }
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(
        Object.entries(command.flags).map(([flag, { placeholder }]) => [
          flag,
          { type: placeholder === null ? ('boolean' as const) : ('string' as const) },
        ]),
      ),
    },
  });
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? words.length;
  if (tokens.some((token) => token.kind === 'option' && token.name === 'help' && token.index < end))
    return { help: true };

  const given = new Map<string, string | boolean>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option') given.set(token.name, optionValue(name, command, token));
    if (token.kind === 'positional' && (token.index < end || command.rest === 'none')) positionals.push(token.value);
  }
  await requirePositionals(name, command, positionals);
  if (command.rest === 'after --' && words[end + 1] === undefined)
    throw usageError(name, `\`lab ${name}\` needs -- and after it ${command.restName ?? 'arguments'}`);
  return {
    help: false,
    flags: flagValues(name, command, given),
    positionals,
    rest: command.rest === 'after --' ? words.slice(end + 1) : [],
  };
}

/** A usage error: exit 2, one message, and where the right usage stands. */
export function usageError(name: string | null, message: string): LabError {
  return new LabError('LAB_USAGE', {
    message,
    remedy: `See \`lab ${name === null ? '' : `${name} `}--help\`.`,
    exitCode: 2,
  });
}

type OptionToken = { name: string; rawName: string; value?: string | undefined; inlineValue?: boolean | undefined };

function optionValue(name: string, { flags }: Command, token: OptionToken): string | boolean {
  const flag = Object.hasOwn(flags, token.name) && token.rawName.startsWith('--') ? flags[token.name] : undefined;
  if (flag === undefined) {
    const known = [...Object.keys(flags), 'help'].map((word) => `--${word}`);
    throw usageError(name, `\`lab ${name}\` has no flag ${token.rawName}${didYouMean(token.rawName, known)}`);
  }
  if (flag.placeholder === null) {
    if (token.value !== undefined)
      throw usageError(name, `${token.rawName} takes no value, but was given "${token.value}"`);
    return true;
  }
  // A dash after a flag that takes a value is far more often a forgotten value.
  const forgotten = token.value === undefined || (token.inlineValue !== true && token.value.startsWith('-'));
  if (forgotten) throw usageError(name, `${token.rawName} needs a value: ${token.rawName} ${flag.placeholder}`);
  return token.value ?? '';
}

function flagValues(name: string, { flags }: Command, given: ReadonlyMap<string, string | boolean>): FlagValues<Flags> {
  return Object.fromEntries(
    Object.entries(flags).map(([flag, { schema }]) => {
      const result = schema.safeParse(given.get(flag));
      if (result.success) return [flag, result.data];
      const why = result.error.issues[0]?.message ?? 'is wrong';
      throw usageError(name, `--${flag} ${why}; it was given "${given.get(flag) ?? ''}"`);
    }),
  );
}

async function requirePositionals(
  name: string,
  { positionals: table }: Command,
  words: readonly string[],
): Promise<void> {
  const last = table.at(-1);
  const missing = table.find(({ required }, index) => required && words[index] === undefined);
  if (missing !== undefined) {
    const choices = await missing.choices?.();
    const known = choices === undefined ? missing.description : `one of ${choices.join(', ')}`;
    throw usageError(name, `\`lab ${name}\` needs ${missing.name.toUpperCase()}: ${known}`);
  }
  const extra = last?.variadic ? undefined : words[table.length];
  if (extra !== undefined) throw usageError(name, `\`lab ${name}\` does not know what to do with "${extra}"`);
  for (const [index, word] of words.entries()) {
    const choices = await (table[index] ?? last)?.choices?.();
    if (choices === undefined || choices.includes(word)) continue;
    const what = (table[index] ?? last)?.name ?? 'argument';
    throw usageError(name, `There is no ${what} "${word}"${didYouMean(word, choices)}: there is ${choices.join(', ')}`);
  }
}

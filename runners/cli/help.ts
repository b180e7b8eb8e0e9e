import type { Command, Commands, Positional } from './command.ts';

/** The text of `lab --help`. */
export function overview(commands: Commands): string {
  return [
    'lab: compare service-mesh data planes on one machine, through one seam',
    '',
    'Usage: lab COMMAND [ARGUMENT...]',
    '',
    ...columns(Object.entries(commands).map(([name, { summary }]) => [name, summary])),
    '',
    '`lab COMMAND --help` says more of each. `lab doctor` says what this machine lacks.',
    'Exit codes: 0 done, 1 gate failed, 2 usage, 3 environment lacks something, 4 measurement invalid, 5 failed',
    'otherwise, 130 interrupted.',
    '',
  ].join('\n');
}

/** The text of `lab COMMAND --help`. */
export function commandHelp(name: string, summary: string, command: Command): string {
  const flags = Object.entries(command.flags).map(([flag, { placeholder, description, schema }]): [string, string] => {
    const value = schema.safeParse(undefined);
    const shown = value.success ? defaultText(value.data) : null;
    const text = shown === null ? description : `${description}; default ${shown}`;
    return [`--${flag}${placeholder === null ? '' : ` ${placeholder}`}`, text];
  });
  const help: [string, string] = ['--help', 'print this and end'];
  return [
    `lab ${name}: ${summary}`,
    '',
    `Usage: ${usage(name, command)}`,
    ...(command.cluster ? ['Needs root, on Linux.'] : []),
    ...(command.description === undefined ? [] : ['', command.description]),
    ...(command.positionals.length === 0 ? [] : ['', 'Arguments:', ...columns(command.positionals.map(argumentLine))]),
    '',
    'Flags:',
    ...columns([...flags, help]),
    '',
  ].join('\n');
}

function usage(name: string, { flags, positionals, rest, restName = 'ARGUMENT...' }: Command): string {
  return [
    `lab ${name}`,
    ...positionals.map(({ name: word, required, variadic }) => {
      const shown = `${word.toUpperCase()}${variadic ? '...' : ''}`;
      return required ? shown : `[${shown}]`;
    }),
    ...(Object.keys(flags).length === 0 ? [] : ['[FLAG...]']),
    ...(rest === 'none' ? [] : rest === 'all' ? [restName] : [`-- ${restName}`]),
  ].join(' ');
}

function argumentLine({ name, description }: Positional): [string, string] {
  return [name.toUpperCase(), description];
}

function defaultText(value: unknown): string | null {
  if (value === null || value === undefined || value === false) return null;
  return Array.isArray(value) ? (value.length === 0 ? null : value.join(',')) : String(value);
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

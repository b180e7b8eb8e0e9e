import type { CommandEntry, Commands } from './command.ts';

/** A completion script for bash, made from the tables of the commands: names, flags, and values where they are known. */
export async function bashCompletion(commands: Commands): Promise<string> {
  const cases = await Promise.all(Object.entries(commands).map(([name, entry]) => commandCase(name, entry)));
  return `_lab() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${[...Object.keys(commands), '--help'].join(' ')}'
  else
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _lab lab ./lab
`;
}

async function commandCase(name: string, entry: CommandEntry): Promise<string> {
  const { flags, positionals } = await entry.load();
  const choices = (
    await Promise.all(positionals.map(async (positional) => (await positional.choices?.()) ?? []))
  ).flat();
  const words = [...choices, ...Object.keys(flags).map((flag) => `--${flag}`), '--help'];
  const values = Object.entries(flags).filter(([, { placeholder }]) => placeholder !== null);
  return [
    `      ${name})`,
    '        case $previous in',
    ...values.map(([flag, { choices }]) => `          --${flag}) words='${choices.join(' ')}' ;;`),
    `          *) words='${words.join(' ')}' ;;`,
    '        esac ;;',
  ].join('\n');
}

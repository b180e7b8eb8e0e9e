import type { Writable } from 'node:stream';
import type { Flag } from './flag.ts';

/** The table of a command's flags, by the name that follows `--`. */
export type Flags = Readonly<Record<string, Flag>>;

export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never };

/** An argument by place. */
export type Positional = {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all that follow; only the last can. */
  readonly variadic?: boolean;
  /** The words that there are; anything goes where it is absent. */
  readonly choices?: () => Promise<readonly string[]>;
};

/** What a command runs with. Data goes to `stdout`, text for people to `stderr`. */
export type CommandInput<F extends Flags> = {
  readonly flags: FlagValues<F>;
  readonly positionals: readonly string[];
  /** What follows `--`, or every argument, as the command's `rest` says. */
  readonly rest: readonly string[];
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, with a LabError of exit code 130 as its reason. */
  readonly signal: AbortSignal;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The registry that this command is from. */
  readonly commands: Commands;
};

export type Command<F extends Flags = Flags> = {
  /** Paragraphs for `--help`, below the summary. */
  readonly description?: string;
  /** Needs root on Linux: elsewhere it ends with exit code 3 before it runs. */
  readonly cluster: boolean;
  /** Removes by itself what killed labs have left: it runs even where the clean-up that comes first has failed. */
  readonly cleansUp?: true;
  readonly flags: F;
  readonly positionals: readonly Positional[];
  /**
   * `none`: no arguments but flags and positionals. `after --`: what follows `--` is passed on as it is, and there must be some. `all`: every
   * argument is (the command has no flags of its own but `--help` in the first place).
   */
  readonly rest: 'none' | 'after --' | 'all';
  /** Names `rest` in the usage line, such as `COMMAND [ARGUMENT...]`. */
  readonly restName?: string;
  /** Resolves with the exit code; nothing means 0. */
  run(input: CommandInput<F>): Promise<number | undefined>;
};

/** A command's entry in the registry: what help needs without loading it. */
export type CommandEntry = { readonly summary: string; load(): Promise<Command> };

/** All commands by their names, in the order in which help shows them. */
export type Commands = Readonly<Record<string, CommandEntry>>;

/** Gives a command's `run` the types of its flags. */
export function command<const F extends Flags>(definition: Command<F>): Command {
  return definition as unknown as Command;
}

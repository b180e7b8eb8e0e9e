import type { CommandEntry } from './command.ts';

/** The registry of commands, in the order in which help shows them. A command's module is loaded when it is called. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  doctor: {
    summary: 'what this machine has and lacks, and why it matters',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  list: {
    summary: 'the scenarios and data planes that there are',
    load: async () => (await import('./commands/list.ts')).list,
  },
  test: {
    summary: 'run the whole test suite, or the tiers and files named',
    load: async () => (await import('./commands/test.ts')).test,
  },
  completion: {
    summary: 'print a completion script for bash',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
};

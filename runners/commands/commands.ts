import type { Commands } from '../cli/command.ts';

/** The registry of commands, in the order in which help shows them. A command's module is loaded when it is called. */
export const commands: Commands = {
  run: {
    summary: 'measure a scenario through every data plane, and print the comparison',
    load: async () => (await import('./run.ts')).run,
  },
  show: {
    summary: 'print a stored run, or list them',
    load: async () => (await import('./show.ts')).show,
  },
  up: {
    summary: 'bring a cluster up with the data planes installed',
    load: async () => (await import('./up.ts')).up,
  },
  down: {
    summary: 'end the cluster and remove everything that the lab has made',
    load: async () => (await import('./down.ts')).down,
  },
  status: {
    summary: 'what is up: nodes and pods',
    load: async () => (await import('./status.ts')).status,
  },
  flows: {
    summary: 'what the data planes see and drop, live too',
    load: async () => (await import('./flows.ts')).flows,
  },
  policy: {
    summary: 'which rule of which policy decides about a connection',
    load: async () => (await import('./policy.ts')).policy,
  },
  exec: {
    summary: 'run a command in a container of the embedded cluster',
    load: async () => (await import('./exec.ts')).exec,
  },
  kubectl: {
    summary: 'run the pinned kubectl on the cluster',
    load: async () => (await import('./kubectl.ts')).kubectl,
  },
  images: {
    summary: 'build the images that `--cluster kind` runs',
    load: async () => (await import('./images.ts')).images,
  },
  doctor: {
    summary: 'what this machine has and lacks, and why it matters',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  list: {
    summary: 'the scenarios and data planes that there are',
    load: async () => (await import('./list.ts')).list,
  },
  test: {
    summary: 'run the whole test suite, or the tiers and files named',
    load: async () => (await import('./test.ts')).test,
  },
  check: {
    summary: 'check what the lab claims of itself, on this machine',
    load: async () => (await import('./check.ts')).check,
  },
  completion: {
    summary: 'print a completion script for bash',
    load: async () => (await import('./completion.ts')).completion,
  },
};

import { join } from 'node:path';
import { tryExec } from '../exec.ts';
import { clusterName, engineSocket, kindDirectory } from './paths.ts';

/** Programs that kind can drive, in the order in which it looks for them. */
export const engineNames = ['docker', 'podman', 'nerdctl'] as const;
export type EngineName = (typeof engineNames)[number];

/** A container engine that works: how kind and the engine's own program are called. */
export type Engine = {
  readonly name: EngineName;
  /** Added to the environment of `kind` and of the engine's program. */
  readonly env: Readonly<Record<string, string>>;
};

const answerTimeoutMs = 10_000;

/** The user's own engine that answers, null where none does. */
export async function findEngine(signal: AbortSignal): Promise<Engine | null> {
  for (const name of engineNames) {
    // `info` asks the daemon; `version` would be content with the program.
    const { exitCode } = await tryExec(name, ['info'], { signal, timeoutMs: answerTimeoutMs });
    if (exitCode === 0) return usersEngine(name);
  }
  return null;
}

/** The user's engine of that name, with a network of the cluster's own: kind would leave the one that it makes by default. */
export function usersEngine(name: EngineName): Engine {
  const env = {
    KIND_EXPERIMENTAL_PROVIDER: name,
    KIND_EXPERIMENTAL_DOCKER_NETWORK: clusterName,
    KIND_EXPERIMENTAL_PODMAN_NETWORK: clusterName,
  };
  return { name, env };
}

/** The lab's own Docker. `programs` is a folder with its client; the user's settings of the client are not for it. */
export function ownEngine(programs: string): Engine {
  const env = {
    DOCKER_HOST: `unix://${engineSocket}`,
    DOCKER_CONFIG: join(kindDirectory, 'docker'),
    KIND_EXPERIMENTAL_PROVIDER: 'docker',
    PATH: `${programs}:${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
  };
  return { name: 'docker', env };
}

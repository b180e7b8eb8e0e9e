import { join } from 'node:path';
import { tryExec } from '../exec.ts';
import type { CacheContext } from '../tools/cache.ts';
import { type EngineName, engineNames } from './engine-name.ts';
import { clusterName, engineSocket, kindDirectory, ownPrograms } from './paths.ts';

/** A container engine that works: how kind and the engine's own program are called. */
export type Engine = {
  readonly name: EngineName;
  /** Added to the environment of `kind` and of the engine's program. */
  readonly env: Readonly<Record<string, string>>;
};

const answerTimeoutMs = 10_000;
/** The exit code of a program that is not there. */
const notFound = 127;

/** The user's own engine that answers, null where none does. One that is there and does not answer is told of. */
export async function findEngine({ signal, progress }: CacheContext): Promise<Engine | null> {
  for (const name of engineNames) {
    // `info` asks the daemon; `version` would be content with the program.
    const { exitCode, stdout, stderr } = await tryExec(name, ['info'], { signal, timeoutMs: answerTimeoutMs });
    if (exitCode === 0) return usersEngine(name);
    const said = (stderr.trim() || stdout.trim()).split('\n').at(-1);
    if (exitCode !== notFound) progress(`${name} is here, but does not answer: ${said}`);
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

/** The engine of a cluster that is up: its own data are those of the lab's own Docker. */
export function engineOf({ name, data }: { name: EngineName; data: string | null }): Engine {
  return data === null ? usersEngine(name) : ownEngine();
}

/** The lab's own Docker. The user's settings of the client are not for it. */
export function ownEngine(): Engine {
  const env = {
    DOCKER_HOST: `unix://${engineSocket}`,
    DOCKER_CONFIG: join(kindDirectory, 'docker'),
    KIND_EXPERIMENTAL_PROVIDER: 'docker',
    PATH: `${ownPrograms}:${process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
  };
  return { name: 'docker', env };
}

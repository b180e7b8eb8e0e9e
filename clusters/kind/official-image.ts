import { join } from 'node:path';
import { contained } from '../contained.ts';
import { exec, tryExec } from '../exec.ts';
import { type CacheContext, cacheRoot, ensureCached } from '../tools/cache.ts';
import { ensurePackages } from '../tools/host-packages.ts';
import { pins } from '../tools/pins.ts';
import type { Engine } from './engine.ts';

const connectTimeoutSeconds = 5;

/**
 * Brings kind's own node image, pinned by digest, into an engine, where an image registry answers. The lab's own engine
 * has no way out of its network namespace: for it the image is fetched here.
 * @returns what the engine calls it, null where it is not to be had, which `progress` has been told.
 */
export async function pullOfficialImage(
  { engine, own }: { engine: Engine; own: boolean },
  context: CacheContext,
): Promise<string | null> {
  const { signal, progress } = context;
  const { registry, repository, tag, digest } = pins.kindNode;
  const reference = own ? `${repository}:${tag}` : `${repository}@${digest}`;
  const options = { signal, env: engine.env };
  const found = await tryExec(engine.name, ['image', 'inspect', reference], options);
  if (found.exitCode === 0) return reference;
  if (!(await answers(registry, signal))) {
    progress(`${new URL(registry).host} does not answer: the node image is built here instead`);
    return null;
  }
  progress(`fetching ${repository}:${tag}`);
  try {
    if (own) await exec(engine.name, ['load', '--input', await fetchArchive(reference, context)], options);
    else await exec(engine.name, ['pull', reference], options);
    return reference;
  } catch (error) {
    signal.throwIfAborted();
    progress(`it cannot be had (${lastLine(error as Error)}): the node image is built here instead`);
    return null;
  }
}

function lastLine({ message }: Error): string {
  return message.trimEnd().split('\n').at(-1) ?? '';
}

/** Whether something at an image registry's address answers, as one that asks for a login does. */
export async function answers(registry: string, signal: AbortSignal): Promise<boolean> {
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({ connect: { timeout: connectTimeoutSeconds * 1000 } });
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(2 * connectTimeoutSeconds * 1000)]);
    const { status, body } = await fetch(registry, { dispatcher, signal: limit });
    await body?.cancel();
    return status === 200 || status === 401;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    await dispatcher.destroy();
  }
}

async function fetchArchive(reference: string, context: CacheContext): Promise<string> {
  const { repository, digest } = pins.kindNode;
  const directory = join(cacheRoot(), `kind-official-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}`);
  const make = async (draft: string): Promise<void> => {
    await ensurePackages(['skopeo'], context);
    const from = `docker://${repository}@${digest}`;
    const [file, args] = contained('skopeo', ['copy', from, `docker-archive:${join(draft, 'image.tar')}:${reference}`]);
    await exec(file, args, { signal: context.signal });
  };
  await ensureCached(directory, { name: reference, make }, context);
  return join(directory, 'image.tar');
}

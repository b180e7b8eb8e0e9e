import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Agent, Response } from 'undici';
import { LabError } from '../error.ts';
import { exec } from '../exec.ts';
import type { CacheContext } from './cache.ts';

/** An official release: a gzipped tar archive, its checksum, and the members that are wanted of it. */
export type Release = { url: string; members: readonly string[]; sha256?: string; sha512?: string };

const connectTimeoutSeconds = 5;

/**
 * Downloads the archive, checks it, and puts the wanted members into `directory`, without their folders.
 * Returns false when its server cannot be reached: no name, no connection within 5 s, refused, or no such file there.
 * @throws LabError LAB_TOOL_CHECKSUM when what came is not what is pinned; LAB_DOWNLOAD_FAILED when it broke off.
 */
export async function fetchRelease(release: Release, directory: string, context: CacheContext): Promise<boolean> {
  // Loaded only where something is to be fetched.
  const { Agent } = await import('undici');
  const dispatcher = new Agent({ connect: { timeout: connectTimeoutSeconds * 1000 } });
  try {
    const response = await reach(release.url, dispatcher, context.signal);
    if (response === null) return false;
    context.progress(`downloading ${release.url}`);
    const archive = join(directory, 'archive.tar.gz');
    await download(release, response, archive, context.signal);
    const depth = release.members[0]?.split('/').length ?? 1;
    await exec(
      'tar',
      ['-xzf', archive, '-C', directory, '--no-same-owner', `--strip-components=${depth - 1}`, ...release.members],
      { signal: context.signal },
    );
    await rm(archive);
    return true;
  } finally {
    await dispatcher.destroy();
  }
}

async function reach(url: string, dispatcher: Agent, signal: AbortSignal): Promise<Response | null> {
  const { fetch } = await import('undici');
  try {
    const response = await fetch(url, { dispatcher, signal });
    if (response.ok && response.body !== null) return response;
    await response.body?.cancel();
    return null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

async function download(release: Release, response: Response, file: string, signal: AbortSignal): Promise<void> {
  const [algorithm, expected] =
    release.sha512 === undefined ? ['sha256', release.sha256 ?? ''] : ['sha512', release.sha512];
  const hash = createHash(algorithm);
  try {
    await pipeline(
      Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file),
      { signal },
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw new LabError('LAB_DOWNLOAD_FAILED', {
      message: `Downloading ${release.url} broke off: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: 'Run the same command again.',
      cause,
    });
  }
  const actual = hash.digest('hex');
  if (actual === expected) return;
  await rm(file);
  throw new LabError('LAB_TOOL_CHECKSUM', {
    message: `${release.url} is not the file that is pinned: its ${algorithm} is ${actual}, not ${expected}.`,
    remedy: 'Something between here and there changes downloads, or the release was replaced. Do not trust it.',
  });
}

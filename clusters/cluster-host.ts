import { LabError } from './error.ts';

/**
 * Throws unless this process may make network namespaces, cgroups and mounts.
 * @throws LabError LAB_NOT_LINUX or LAB_NOT_ROOT, both exit 3.
 */
export function requireClusterHost(
  { platform, userId }: { platform: string; userId: number | undefined } = {
    platform: process.platform,
    userId: process.getuid?.(),
  },
): void {
  if (platform !== 'linux') {
    throw new LabError('LAB_NOT_LINUX', {
      message: `A cluster is made of Linux network namespaces; this is ${platform}.`,
      remedy: 'Use a Linux machine or virtual machine. `lab doctor` and `lab list` work here.',
      exitCode: 3,
    });
  }
  if (userId !== 0) {
    throw new LabError('LAB_NOT_ROOT', {
      message: `A cluster needs root, to make network namespaces and cgroups; this is user ${userId}.`,
      remedy: 'Run the same command with sudo.',
      exitCode: 3,
    });
  }
}

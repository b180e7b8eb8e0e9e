import { readFile, writeFile } from 'node:fs/promises';
import { LabError } from '../error.ts';

const path = '/proc/sys/fs/inotify/max_user_instances';

/**
 * What one user's nodes and everything else of that user need: a node takes 13 and a control plane 26 of the 128 that
 * Linux allows, so that the eleventh kubelet or so ends as it starts (https://kind.sigs.k8s.io/docs/user/known-issues/).
 */
const enough = 512;

/**
 * Lets one user have enough inotify instances for ten nodes. `record` is told of the host's own limit before it changes.
 * @throws LabError LAB_INOTIFY_LIMIT where the limit is too low and cannot be raised.
 */
export async function raiseInotifyLimit(record: (before: number) => Promise<void>): Promise<void> {
  const before = await readInotifyLimit();
  if (before >= enough) return;
  await record(before);
  try {
    await writeFile(path, String(enough));
  } catch (cause) {
    throw new LabError('LAB_INOTIFY_LIMIT', {
      message: `The nodes of a kind cluster need more inotify instances than this host allows one user, ${before}, and that limit cannot be raised from here`,
      remedy: `Raise it on the host: sysctl fs.inotify.max_user_instances=${enough}`,
      exitCode: 3,
      cause,
    });
  }
}

/** Puts the host's own limit back, unless somebody has set another meanwhile. */
export async function resetInotifyLimit(before: number): Promise<void> {
  if ((await readInotifyLimit()) === enough) await writeFile(path, String(before));
}

async function readInotifyLimit(): Promise<number> {
  return Number(await readFile(path, 'utf8'));
}

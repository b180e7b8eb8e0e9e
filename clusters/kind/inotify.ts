import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { LabError } from '../error.ts';

const path = '/proc/sys/fs/inotify/max_user_instances';

/** A worker was seen with 13: systemd 4, kubelet 7, containerd and D-Bus; the rest is for pods. */
const workerInstances = 16;
/** Seen with 26. */
const controlPlaneInstances = 32;

/** The host's limit before the lab raised it, and what the lab made of it. */
export type InotifyLimit = { before: number; raised: number };

type Context = { record: (limit: InotifyLimit) => Promise<void>; progress: (message: string) => void };

/**
 * Makes sure that root may have as many inotify instances as the nodes will take: of the 128 that Linux allows one user,
 * ten nodes leave the last kubelets without, which then end as they start
 * (https://kind.sigs.k8s.io/docs/user/known-issues/). The limit is no namespace's own. It is raised only where it does
 * not suffice, and `record` is told before it changes.
 * @throws LabError LAB_INOTIFY_LIMIT where the limit is too low and cannot be raised.
 */
export async function allowInotify(workers: number, { record, progress }: Context): Promise<void> {
  const before = await readLimit();
  const raised = (await inUse()) + workers * workerInstances + controlPlaneInstances;
  if (before >= raised) return;
  await record({ before, raised });
  try {
    await writeFile(path, String(raised));
  } catch (cause) {
    throw new LabError('LAB_INOTIFY_LIMIT', {
      message: `The nodes need more inotify instances than this host allows one user (${before}), and the limit cannot be raised from here`,
      remedy: `Raise it on the host: sysctl fs.inotify.max_user_instances=${raised}`,
      exitCode: 3,
      cause,
    });
  }
  progress(`fs.inotify.max_user_instances is ${raised} instead of ${before} until the cluster is down`);
}

/** Puts the host's own limit back, unless somebody else has changed it since. */
export async function resetInotify({ before, raised }: InotifyLimit): Promise<void> {
  if ((await readLimit()) === raised) await writeFile(path, String(before));
}

async function readLimit(): Promise<number> {
  return Number(await readFile(path, 'utf8'));
}

/** How many root's processes have. A process that ends meanwhile has none. */
async function inUse(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const counts = await Promise.all(
    pids.map(async (pid) => {
      if ((await stat(`/proc/${pid}`).catch(() => null))?.uid !== 0) return 0;
      const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
      const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
      return links.filter((link) => link === 'anon_inode:inotify').length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

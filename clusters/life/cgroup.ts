import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../error.ts';
import { cgroupRoot, rootControllersPath } from './paths.ts';
import { readRootControllers, resetRootControllers } from './root-controllers.ts';

/** Mount points of all cgroup hierarchies, v1 and v2, that this process sees. */
export async function hierarchies(): Promise<string[]> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  // proc(5): optional fields end with a lone dash, after which come the type, the source and the options.
  const mounts = mountinfo
    .split('\n')
    .map((line) => ({ point: line.split(' ')[4], type: line.split(' - ')[1]?.split(' ')[0] }))
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2');
  return [...new Set(mounts.map(({ point }) => point ?? ''))].filter((point) => point !== '');
}

/** Moves this process, and so everything that it starts, into `<lab's subtree>/<name>` of every hierarchy. */
export async function enterCgroup(name: string): Promise<void> {
  const controllers = await readRootControllers();
  // Of two starts the first saw the host as it was.
  if (controllers !== null) await writeFile(rootControllersPath, controllers.join(' '), { flag: 'wx' }).catch(ifThere);
  for (const hierarchy of await hierarchies()) {
    const lab = join(hierarchy, cgroupRoot);
    await mkdir(join(lab, name), { recursive: true });
    // A cpuset of v1 starts empty and then admits nobody.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      for (const directory of [lab, join(lab, name)]) await inherit(directory, file);
    }
    await writeFile(join(lab, name, 'cgroup.procs'), '0');
  }
}

/** Removes the lab's subtree from every hierarchy, killing what is still in it first, and leaves their roots as they were. */
export async function removeCgroups(timeoutSeconds = 10): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (const hierarchy of await hierarchies()) {
    const root = join(hierarchy, cgroupRoot);
    while (!(await removeTree(root))) {
      await killAll(root);
      if (Date.now() > deadline) {
        throw new LabError('LAB_CGROUP_BUSY', {
          message: `The cgroup ${root} could not be removed within ${timeoutSeconds} s: processes in it do not end`,
          remedy: `See which: cat ${root}/*/cgroup.procs`,
        });
      }
      await delay(20);
    }
  }
  const controllers = await recordedControllers();
  if (controllers !== null) await resetRootControllers(controllers);
  await rm(rootControllersPath, { force: true });
}

/** Whether any hierarchy has the lab's subtree, or a root may have been changed for it. */
export async function cgroupsExist(): Promise<boolean> {
  if ((await recordedControllers()) !== null) return true;
  const found = await Promise.all(
    (await hierarchies()).map((point) =>
      readdir(join(point, cgroupRoot)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

async function recordedControllers(): Promise<string[] | null> {
  const text = await readFile(rootControllersPath, 'utf8').catch(() => null);
  return text?.split(' ') ?? null;
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function inherit(directory: string, file: string): Promise<void> {
  const own = await readFile(join(directory, file), 'utf8').catch(() => null);
  if (own === null || own.trim() !== '') return;
  const parent = await readFile(join(directory, '..', file), 'utf8').catch(() => '');
  if (parent.trim() !== '') await writeFile(join(directory, file), parent.trim());
}

async function removeTree(directory: string): Promise<boolean> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => null);
  if (entries === null) return true;
  let empty = true;
  for (const entry of entries) {
    if (entry.isDirectory()) empty = (await removeTree(join(directory, entry.name))) && empty;
  }
  if (!empty) return false;
  return rmdir(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

async function killAll(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await killAll(join(directory, entry.name));
  const pids = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of pids.split('\n').filter((line) => line !== '' && line !== '0')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

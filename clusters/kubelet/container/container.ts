import { type FSWatcher, watch } from 'node:fs';
import { access, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../error.ts';
import { tryExec } from '../../exec.ts';
import { hierarchies } from '../../life/cgroup.ts';
import { type Process, startProcess } from '../../process.ts';
import type { LogWriter } from '../log/writer.ts';
import { bundleOf, nodePath, onNode, type RuntimeNode, runcRoot } from '../node/runtime-node.ts';
import { type ContainerPlan, ociSpec } from './oci-spec.ts';
import { createRootfs, type EtcFiles } from './rootfs.ts';

/** How a container's run ended. Signals are exit codes from 128 on. `message`: what it left as its last words. */
export type ContainerEnd = { exitCode: number; oomKilled: boolean; finishedAt: Date; message: string };

/** A running container. */
export type Container = {
  readonly id: string;
  readonly startedAt: Date;
  /** Resolves when it has ended, its log is complete and nothing of it is left on the node. */
  readonly ended: Promise<ContainerEnd>;
  /** Sends a signal to its first process. */
  signal(name: 'SIGTERM' | 'SIGKILL' | NodeJS.Signals): void;
};

const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** A file in the bundle that the container sees at its `terminationMessagePath`. */
const terminationLog = 'termination-log';
const longestMessageBytes = 4096;

/**
 * Runs a container on the node with runc, in the foreground, as our child: its exit code and output are then ours.
 * Resolves when its first process runs.
 * @throws LabError LAB_CONTAINER_START_FAILED with runc's message.
 */
export async function startContainer(
  node: RuntimeNode,
  plan: ContainerPlan,
  {
    id,
    etc,
    log,
    terminationMessagePath,
  }: { id: string; etc: EtcFiles; log: LogWriter; terminationMessagePath: string },
): Promise<Container> {
  const here = nodePath(node, bundleOf(id));
  let runc: Process;
  let logged: Promise<void>;
  try {
    await createBundle(node, id, plan, { etc, terminationMessagePath });
    const runs = fileAppears(here, 'pid');
    try {
      runc = startRunc(node, id);
      if (runc.stdout === null || runc.stderr === null) throw new Error('runc has no pipes');
      logged = log.record({ stdout: runc.stdout, stderr: runc.stderr });
      const started = await Promise.race([runs.appeared.then(() => true), runc.ended.then(() => false)]);
      // A short program may be over before we look: the file says that it ran.
      if (!started && !(await exists(join(here, 'pid')))) {
        const { exitCode } = await runc.ended;
        await logged;
        throw new Error(await runcMessage(join(here, 'runc.log'), exitCode));
      }
    } finally {
      runs.stop();
    }
  } catch (cause) {
    await remove(node, id);
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LabError('LAB_CONTAINER_START_FAILED', { message, cause });
  }
  const pid = Number(await readFile(join(here, 'pid'), 'utf8'));
  const startedAt = new Date();
  const end = async (): Promise<ContainerEnd> => {
    const { exitCode } = await runc.ended;
    const finishedAt = new Date();
    await logged;
    const oomKilled = await wasOomKilled(plan.cgroupsPath);
    const last = await readFile(join(here, terminationLog)).catch(() => Buffer.alloc(0));
    await remove(node, id);
    return {
      exitCode: exitCode ?? 137,
      oomKilled,
      finishedAt,
      message: last.subarray(-longestMessageBytes).toString(),
    };
  };
  let over = false;
  const ended = end().finally(() => {
    over = true;
  });
  void runc.ended.then(() => {
    over = true;
  });
  return {
    id,
    startedAt,
    ended,
    signal: (name) => {
      if (over) return;
      try {
        process.kill(pid, name);
      } catch {
        // It has ended meanwhile.
      }
    },
  };
}

async function createBundle(
  node: RuntimeNode,
  id: string,
  plan: ContainerPlan,
  { etc, terminationMessagePath }: { etc: EtcFiles; terminationMessagePath: string },
): Promise<void> {
  const bundle = bundleOf(id);
  const here = nodePath(node, bundle);
  await mkdir(join(here, 'rootfs'), { recursive: true });
  const base = await createRootfs(join(here, 'rootfs'), etc);
  await writeFile(join(here, terminationLog), '');
  // Its writer may be any user of the container; the umask must not say otherwise.
  await chmod(join(here, terminationLog), 0o666);
  const message = {
    destination: terminationMessagePath,
    type: 'bind',
    source: join(bundle, terminationLog),
    options: ['bind', 'rprivate'],
  };
  const spec = ociSpec({ ...plan, mounts: [...base, message, ...plan.mounts] });
  await writeFile(join(here, 'config.json'), JSON.stringify(spec));
}

/** The command line that runs a program in a running container, with its user, variables and limits. */
export function execInContainer(
  node: RuntimeNode,
  id: string,
  command: readonly string[],
  { tty }: { tty: boolean },
): [file: string, args: string[]] {
  return onNode(node, 'runc', ['--root', runcRoot, 'exec', ...(tty ? ['--tty'] : []), id, ...command]);
}

function startRunc(node: RuntimeNode, id: string): Process {
  const bundle = bundleOf(id);
  const [file, args] = onNode(node, 'runc', [
    ...['--root', runcRoot, '--log', join(bundle, 'runc.log'), '--log-format', 'json'],
    // Kept after its end: its cgroup tells whether it ran out of memory.
    ...['run', '--keep', '--bundle', bundle, '--pid-file', join(bundle, 'pid'), id],
  ]);
  return startProcess(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment, extendEnv: false });
}

function fileAppears(directory: string, name: string): { appeared: Promise<void>; stop(): void } {
  let watcher: FSWatcher | undefined;
  const appeared = new Promise<void>((resolve) => {
    watcher = watch(directory, (_event, file) => {
      if (file === name) resolve();
    });
  });
  return { appeared, stop: () => watcher?.close() };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** runc's last error, as its log file has it. */
async function runcMessage(path: string, exitCode: number | null): Promise<string> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).trim().split('\n');
  const messages = lines.flatMap((line) => {
    try {
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
      return level === 'error' && msg !== undefined ? [msg] : [];
    } catch {
      return [];
    }
  });
  return messages.at(-1) ?? `runc exited with ${exitCode} before the container ran`;
}

/** Whether the kernel killed a process of the cgroup for its memory limit (cgroup v1: memory.oom_control). */
async function wasOomKilled(cgroup: string): Promise<boolean> {
  const files = (await hierarchies()).flatMap((point) => [
    join(point, cgroup, 'memory.oom_control'),
    join(point, cgroup, 'memory.events'),
  ]);
  const texts = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.some((text) => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0);
}

async function remove(node: RuntimeNode, id: string): Promise<void> {
  const [file, args] = onNode(node, 'runc', ['--root', runcRoot, 'delete', '--force', id]);
  await tryExec(file, args, { env: environment, extendEnv: false });
  // What cannot be removed now goes with the node; the container has ended all the same.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };
  await rm(nodePath(node, bundleOf(id)), options).catch(() => undefined);
}

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../error.ts';
import { exec, tryExec } from '../exec.ts';
import { enterCgroup } from '../life/cgroup.ts';
import { cgroupRoot } from '../life/paths.ts';
import { type Process, startProcess } from '../process.ts';
import { forwardApi, supervise } from '../supervisor/supervise.ts';
import { EngineOptions } from './engine-protocol.ts';
import { runtimeWrapperPath } from './engine-tree.ts';
import { engineSocket, kindDirectory } from './paths.ts';

const startTimeoutSeconds = 60;

/** The lab's own Docker daemon: the end of this process is the end of the daemon and of all its containers. */
async function startEngine({ tree, data, apiPort }: EngineOptions): Promise<void> {
  const { signal } = new AbortController();
  await enterCgroup('engine');
  await exec('ip', ['link', 'set', 'lo', 'up'], { signal });
  const daemon = startProcess(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', join(import.meta.dirname, 'daemon.sh'), tree, data, kindDirectory],
      ...['--host', 'unix:///run/lab/engine.sock', '--data-root', '/var/lib/docker', '--storage-driver', 'overlay2'],
      ...['--cgroup-parent', `/${cgroupRoot}/kind`, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ...['--add-runtime', `lab=${runtimeWrapperPath}`, '--default-runtime', 'lab', '--log-level', 'warn'],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  await untilItAnswers(daemon, tree);
  void daemon.ended.then(() => process.exit(1));
  await forwardApi('127.0.0.1', apiPort);
}

async function untilItAnswers(daemon: Process, tree: string): Promise<void> {
  let ended = false;
  void daemon.ended.then(() => {
    ended = true;
  });
  const deadline = Date.now() + startTimeoutSeconds * 1000;
  const docker = join(tree, 'usr/bin/docker');
  for (;;) {
    const { exitCode, stderr } = await tryExec(docker, ['--host', `unix://${engineSocket}`, 'info']);
    if (exitCode === 0) return;
    if (ended || Date.now() > deadline) {
      throw new LabError('LAB_ENGINE_START_FAILED', {
        message: `The lab’s own Docker daemon ${ended ? 'ended' : `does not answer after ${startTimeoutSeconds} s`}: ${stderr.trim()}`,
      });
    }
    await delay(100);
  }
}

await supervise((options) => startEngine(EngineOptions.parse(options)));

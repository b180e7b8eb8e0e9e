import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exec } from '../../clusters/exec.ts';
import { ensureEngineTree, runtimeWrapperPath } from '../../clusters/kind/engine-tree.ts';
import { privateRun, testCgroup, testInNamespaces } from '../../clusters/netns/tests/namespaces.ts';
import { startProcess } from '../../clusters/process.ts';
import { ensureTools, toolPath } from '../../clusters/tools/tools.ts';
import { untilLine } from '../probes/until-line.ts';

const daemonScript = join(import.meta.dirname, '../../clusters/kind/daemon.sh');
const program = join(import.meta.dirname, '../lab.ts');

// A host whose user runs a Docker daemon: here is its network, and its /run.
testInNamespaces(import.meta.filename, () => {
  let directory = '';
  let docker = '';
  const context = { signal: new AbortController().signal, progress: () => undefined };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lab-users-engine-'));
    await privateRun();
    const tree = await ensureEngineTree(context);
    docker = join(tree, 'usr/bin/docker');
    await startDaemon(tree);
    await ensureTools(['pause'], context);
    await mkdir(join(directory, 'root'));
    await copyFile(toolPath('pause'), join(directory, 'root/pause'));
    await exec('sh', ['-ec', 'tar -C "$1" -c pause | "$2" import - bystander', 'sh', join(directory, 'root'), docker]);
    await exec(docker, ['network', 'create', 'bystander']);
    await exec(docker, [
      'run',
      '--detach',
      '--network',
      'bystander',
      '--volume',
      'bystander:/data',
      'bystander',
      '/pause',
    ]);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test('the lab uses it, and kill -9 and down leave what others run on it alone', async () => {
    const before_ = await everything();
    const up = startProcess(process.execPath, [program, 'up', '--cluster', 'kind', '--planes', 'none'], {
      env: { PATH: `${join(docker, '..')}:${process.env.PATH}` },
    });
    const said = await untilLine(up, /^kind: starting control-plane/);
    assert.ok(said.includes('using this host’s docker'), said.join('\n'));
    assert.notDeepEqual(await everything(), before_);
    up.kill('SIGKILL');
    await up.ended;
    await exec(process.execPath, [program, 'down'], { env: { PATH: `${join(docker, '..')}:${process.env.PATH}` } });
    assert.deepEqual(await everything(), before_);
  });

  /** Ids of what is on the daemon, running or not; images apart, which stay. */
  async function everything(): Promise<string[][]> {
    const lists = [
      ['ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.State}}'],
      ['network', 'ls'],
      ['volume', 'ls'],
    ];
    const outputs = await Promise.all(lists.map((words) => exec(docker, words)));
    return outputs.map(({ stdout }) => stdout.trim().split('\n').sort());
  }

  async function startDaemon(tree: string): Promise<void> {
    const [data, sockets] = [join(directory, 'data'), join(directory, 'run')];
    for (const path of [data, sockets]) await mkdir(path);
    startProcess(
      'unshare',
      [
        ...['--mount', '--propagation', 'private', daemonScript, tree, data, sockets],
        ...['--host', 'unix:///run/lab/docker.sock', '--data-root', '/var/lib/docker', '--storage-driver', 'overlay2'],
        ...['--cgroup-parent', `/${testCgroup()}`, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
        ...['--add-runtime', `lab=${runtimeWrapperPath}`, '--default-runtime', 'lab', '--log-level', 'warn'],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    await symlink(join(sockets, 'docker.sock'), '/run/docker.sock');
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      if ((await exec(docker, ['info']).catch(() => null)) !== null) return;
      await delay(100);
    }
    assert.fail('the Docker daemon does not answer');
  }
});

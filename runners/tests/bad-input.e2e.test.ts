import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { type Cluster, poolOf } from '../../clusters/cluster.ts';
import { LabError } from '../../clusters/error.ts';
import { tryExec } from '../../clusters/exec.ts';
import { attach } from '../../clusters/life/attach.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { schemaVersion } from '../../results/run.ts';
import { load } from '../../results/store.ts';
import { installFailure } from '../install-failure.ts';
import { deployScenario, removeScenario } from '../run/deploy.ts';
import { dataPlaneOf } from '../run/plan.ts';
import { loadScenario } from '../run/scenario.ts';
import { exclusively, openOwnCluster } from '../session.ts';

const program = join(import.meta.dirname, '../lab.ts');
const pool = poolOf('none', 'none');
const signal = AbortSignal.timeout(300_000);
let cluster: Cluster;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lab-bad-input-'));
  const context = { signal, progress: () => undefined };
  cluster = await exclusively(() => openOwnCluster([pool], context));
});

after(async () => {
  // Where it could not be opened, another's may be up.
  if (cluster !== undefined) await tearDown();
  await rm(directory, { recursive: true });
});

for (const [what, words, message] of [
  ['an unknown scenario', ['run', 'latncy'], /latncy.*latency/s],
  ['an unknown data plane', ['run', 'latency', '--planes', 'none,sidcar'], /sidcar.*did you mean "sidecar"/],
  ['an unknown flag', ['run', 'latency', '--block', '3'], /--block.*--blocks/s],
  ['a value that is no number', ['run', 'latency', '--rate', 'fast'], /--rate.*whole number/],
  ['a value out of range', ['run', 'latency', '--blocks', '0'], /--blocks.*from 1/],
  ['an unknown cluster', ['run', 'latency', '--cluster', 'minikube'], /minikube.*netns/],
] as const) {
  test(`${what}: exit 2 with one message`, async () => {
    const { exitCode, stdout, stderr } = await tryExec(process.execPath, [program, ...words]);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test('a rate that the generator cannot send is recorded as invalid, exit 4', async () => {
  const out = join(directory, 'too-fast.json');
  const flags = ['--planes', 'none', '--rate', '100000', '--blocks', '1', '--seconds', '1', '--out', out];
  const { exitCode, stdout } = await tryExec(process.execPath, [program, 'run', 'latency', ...flags], {
    timeoutMs: 120_000,
  });
  assert.equal(exitCode, 4);
  assert.match(stdout, /INVALID none\/l4\/none\/cross-node/);
  assert.match(stdout, /timetable|were asked for/);
  assert.deepEqual(await readdir(directory), ['too-fast.json']);
});

test('a file that exists is not overwritten, and nothing is measured for it', async () => {
  const out = join(directory, 'mine.json');
  await writeFile(out, 'mine');
  const began = performance.now();
  const { exitCode, stderr } = await tryExec(process.execPath, [
    program,
    'run',
    'latency',
    '--planes',
    'none',
    '--out',
    out,
  ]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /mine\.json.*exists/);
  assert.ok(performance.now() - began < 20_000, 'it says so before it measures');
});

for (const [what, text, message] of [
  ['is not JSON', '{"schemaVersion": 1,', /is not a run: it is not JSON/],
  [
    'lacks what a run has',
    `{"schemaVersion": ${schemaVersion}}`,
    /is not a run of schema version \d+: .*methodologyVersion/,
  ],
  ['is of another version', '{"schemaVersion": 99}', /schema version 99/],
] as const) {
  test(`a run file that ${what}: exit 2 with one message`, async () => {
    const path = join(directory, 'corrupt-run.json');
    await writeFile(path, text);
    const { exitCode, stdout, stderr } = await tryExec(process.execPath, [program, 'show', path]);
    assert.equal(exitCode, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
    await rm(path);
  });
}

test('a run that the disk has no room for is kept elsewhere, and the message says where', async () => {
  const full = join(directory, 'full');
  await mkdir(full);
  const script = 'mount -t tmpfs -o size=4k none "$1" && shift && exec "$@"';
  const flags = ['--planes', 'none', '--blocks', '1', '--seconds', '1', '--out', join(full, 'run.json')];
  const { exitCode, stderr } = await tryExec(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', full, process.execPath, program, 'run', 'latency', ...flags],
    { timeoutMs: 120_000 },
  );
  assert.equal(exitCode, 5);
  assert.match(stderr, /the disk is full \(ENOSPC\)/);
  const kept = /It was kept as (\S+\.json)\./.exec(stderr)?.[1] ?? '';
  assert.equal((await load(kept)).scenario, 'latency');
  await rm(kept);
});

test('a manifest with an unknown field is refused, and the message names it', async () => {
  await assert.rejects(
    deployWith('serviceAccountName: workload', 'serviceAcountName: workload'),
    saysOfManifest(/^scenarios\/http\.yaml is refused: .*Deployment lab-none\/workload.*serviceAcountName/s),
  );
});

test('a manifest of a kind that there is not is refused, and the message names it', async () => {
  await assert.rejects(deployWith('kind: Deployment', 'kind: Deploymnet'), saysOfManifest(/Deploymnet in apps\/v1/));
});

test('a pod that never becomes ready is named with what it lacks', async () => {
  await assert.rejects(
    deployWith('image: lab/workload:', 'image: lab/worklod:', { readyTimeoutSeconds: 15 }),
    ({ code, message, remedy, exitCode }: LabError) => {
      assert.deepEqual([code, exitCode], ['LAB_POD_NOT_READY', 5]);
      assert.match(message, /workload.*(ErrImagePull|ImagePullBackOff).*lab\/worklod/s);
      assert.match(remedy ?? '', /`lab up`.*`lab kubectl -n lab-none describe pods`.*logs/);
      return true;
    },
  );
});

test('a pod that cannot even be made is missed', async () => {
  // The Deployment of the test before must not stand in for it.
  await removeScenario(cluster.kube, pool, signal);
  await assert.rejects(
    deployWith('serviceAccountName: workload', 'serviceAccountName: nobody', { readyTimeoutSeconds: 5 }),
    { code: 'LAB_POD_NOT_READY', message: /:\n0 pods are there, not 1/ },
  );
});

test('a data plane that does not come up is told of with what its nodes and containers said last', async () => {
  const { kube } = cluster;
  const namespace = pool.systemNamespace;
  const broken = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'broken', namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'agent', image: 'lab/node-tools:lab', command: ['sh', '-c', 'echo no such map; exit 1'] }],
    },
  };
  const lost = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'lost' } };
  await kube.apply([broken, lost], signal);
  await kube.waitFor<V1Pod>(`/api/v1/namespaces/${namespace}/pods`, {
    ...{ signal, timeoutSeconds: 20, what: 'a restart', fieldSelector: 'metadata.name=broken' },
    condition: ([pod]) => pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  });
  const timeout = new LabError('LAB_WAIT_TIMEOUT', { message: 'Waited 60 s for the agents' });
  const saveNodeLogs = async () => ({
    where: 'Logs are kept.',
    kubelet: async (node: string) => (node === 'lost' ? 'no such bridge' : null),
  });
  const site = { kube, pools: [pool], saveNodeLogs };
  const error = (await installFailure(timeout, site)) as LabError;
  const [waited, node, ...rest] = error.message.split('\n');
  assert.equal(waited, 'Waited 60 s for the agents');
  assert.match(node ?? '', /^Node lost is not ready: /);
  assert.deepEqual(rest.slice(0, 2), ['Last lines of its kubelet:', 'no such bridge']);
  assert.match(rest[2] ?? '', /^Last lines of agent in .*\/broken:$/);
  assert.deepEqual(rest.slice(3), ['no such map']);
  assert.match(error.remedy ?? '', /^Logs are kept\. .*--retain/);
  assert.equal(await installFailure(signal, site), signal, 'any other error is as it was');
  await kube.delete([broken, lost], signal);
});

test('a check and the e2e tests refuse while a cluster is up, and leave it alone', async () => {
  for (const words of [
    ['check', 'startup'],
    ['check', 'cycles'],
    ['check', 'same-plane'],
    ['check', 'second-generator'],
    ['test', '--tier', 'e2e'],
  ]) {
    const began = performance.now();
    const { exitCode, stdout, stderr } = await tryExec(process.execPath, [program, ...words]);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' }, words.join(' '));
    assert.match(stderr, /A cluster is up, with none; .*\n.*`lab down`/, words.join(' '));
    assert.ok(performance.now() - began < 20_000, 'it says so before it does anything');
  }
  assert.notEqual(await attach(), null);
});

test('an exec without a command: exit 2 with one message', async () => {
  const { exitCode, stdout, stderr } = await tryExec(process.execPath, [program, 'exec', 'lab-none/workload']);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  assert.match(stderr, /`lab exec` needs -- and after it COMMAND \[ARGUMENT\.\.\.\]\n {5}See `lab exec --help`\.\n$/);
});

/** Deploys the scenario with one mistake in its manifests. */
async function deployWith(right: string, wrong: string, options: { readyTimeoutSeconds?: number } = {}): Promise<void> {
  const scenario = await loadScenario('latency');
  assert.ok(scenario.manifestsText.includes(right), `the manifests have no ${right}`);
  const manifestsText = scenario.manifestsText.replace(right, wrong);
  const context = { kube: cluster.kube, signal, progress: () => undefined };
  const dataPlane = dataPlaneOf(pool);
  await deployScenario(context, {
    scenario: { ...scenario, manifestsText },
    pool,
    dataPlane,
    placements: [],
    ...options,
  });
}

/** The error of a manifest that the API server does not take: what it says, with what to do. */
function saysOfManifest(message: RegExp): (error: LabError) => boolean {
  return (error) => {
    assert.deepEqual([error.code, error.exitCode], ['LAB_MANIFEST_INVALID', 2], error.message);
    assert.match(error.message, message);
    assert.match(error.remedy ?? '', /Correct the manifest/);
    return true;
  };
}

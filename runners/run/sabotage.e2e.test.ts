import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1PodList } from '@kubernetes/client-node';
import { type Cluster, poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { tearDown } from '../../clusters/life/life.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { compare } from '../../results/compare.ts';
import { Run } from '../../results/run.ts';
import { findContainerCgroups } from '../probes/pod-cgroups.ts';
import { exclusively, openOwnCluster } from '../session.ts';
import { deployScenario } from './deploy.ts';
import { dataPlaneOf } from './plan.ts';
import { type RunOptions, type RunProgress, runScenario } from './run.ts';
import { type LoadedScenario, loadScenario } from './scenario.ts';

const signal = AbortSignal.timeout(300_000);
const pools = [poolOf('none', 'none'), poolOf('sidecar', 'sidecar')];
const notThroughTheClient = /client-envoy\/\w+ had to grow by \d+, but it grew by 0/;
let cluster: Cluster;
let scenario: LoadedScenario;

before(async () => {
  scenario = await loadScenario('latency');
  const context = { signal, progress: () => undefined };
  cluster = await exclusively(() => openOwnCluster(pools, context));
});

// Where it could not be opened, another's may be up.
after(async () => void (cluster !== undefined && (await tearDown())));

test('an untouched data plane proves every path', async () => {
  const run = await shortRun(scenario);
  for (const { id, outcome } of run.testCases) {
    assert.equal(outcome.state, 'measured', id);
    if (outcome.state !== 'measured') continue;
    assert.deepEqual(outcome.verification.before.reasons, [], id);
    assert.deepEqual(outcome.verification.after?.reasons, [], id);
    assert.deepEqual(outcome.evidence.reasons, [], id);
  }
});

test('without the redirect nothing passes the sidecars, and the run says so', async () => {
  await deployed(scenario);
  await inGenerator(['iptables', '-t', 'nat', '-F', 'OUTPUT']);
  try {
    const run = await shortRun(scenario);
    // The plaintext ports still answer: only the counters can tell.
    assertInvalid(run, 'sidecar/l7/none/cross-node', notThroughTheClient);
    assertInvalid(run, 'sidecar/l4/none/cross-node', notThroughTheClient);
    assertValidPath(run, 'none/l4/none/cross-node');
  } finally {
    await inGenerator(['iptables', '-t', 'nat', '-A', 'OUTPUT', '-j', 'ISTIO_OUTPUT']);
  }
});

test('a route around the proxy is noticed', async () => {
  await deployed(scenario);
  const around = ['ISTIO_OUTPUT', '-p', 'tcp', '--dport', '8083', '-j', 'RETURN'];
  await inGenerator(['iptables', '-t', 'nat', '-I', ...around]);
  try {
    const run = await shortRun(scenario);
    assertInvalid(run, 'sidecar/l7/none/cross-node', notThroughTheClient);
    assertValidPath(run, 'sidecar/l4/none/cross-node');
  } finally {
    await inGenerator(['iptables', '-t', 'nat', '-D', ...around]);
  }
});

test('a sidecar that speaks plaintext where it claims mTLS is seen on the wire', async () => {
  const everythingPlain = scenario.manifestsText.replace('"8082,8083"', '"8081,8082,8083"');
  assert.notEqual(everythingPlain, scenario.manifestsText);
  const run = await shortRun({ ...scenario, manifestsText: everythingPlain });
  assertInvalid(run, 'sidecar/l7/mtls/cross-node', /found plaintext where the data plane claims encryption/);
  assertValidPath(run, 'sidecar/l4/mtls/cross-node');
});

test('a container that starts again costs the figures of one block, and a generator that dies the blocks to come', async () => {
  const kills: Promise<void>[] = [];
  const later = (kill: () => Promise<void>) => kills.push(delay(2000).then(kill));
  const run = await shortRun(scenario, { blocks: 2, seconds: 2, profiles: ['l4'] }, (step) => {
    if (step === 'block 1 of 2: sidecar/l4/mtls/cross-node')
      later(() => killContainer('lab-sidecar-system', 'control'));
    if (step === 'block 2 of 2: none/l4/none/cross-node') later(() => killContainer('lab-none', 'generator'));
  });
  await Promise.all(kills);
  assert.equal(kills.length, 2);
  Run.parse(run);
  const restarted = measuredOf(run, 'sidecar/l4/mtls/cross-node');
  assert.deepEqual(
    restarted.blocks.map(({ cpu }) => cpu.roles.control.value === null),
    [true, false],
  );
  assert.match(restarted.blocks[0]?.cpu.roles.control.reason ?? '', /control .* ended or started again/);
  const died = measuredOf(run, 'none/l4/none/cross-node');
  assert.equal(died.blocks.length, 1);
  assert.match(died.stopped ?? '', /^It was stopped because block 2 failed: The generator/);
  assertInvalid(run, 'none/l4/none/cross-node', /^It was stopped because block 2 failed/);
});

function shortRun(
  of: LoadedScenario,
  changes: Partial<RunOptions> = {},
  progress: RunProgress = () => undefined,
): Promise<Run> {
  const options: RunOptions = {
    ...{ pools, profiles: ['l4', 'l7'], placements: ['cross-node'], blocks: 1, seconds: 1 },
    ...{ rate: 200, connections: 4, seed: 1 },
    ...changes,
  };
  return runScenario(cluster, of, options, { signal, progress });
}

/** The path was proven, whatever else a loaded machine did to the numbers. */
function assertValidPath(run: Run, id: string): void {
  assert.deepEqual(measuredOf(run, id).verification.before.reasons, [], id);
}

function measuredOf(run: Run, id: string) {
  const outcome = run.testCases.find((testCase) => testCase.id === id)?.outcome;
  assert.ok(outcome?.state === 'measured', `${id}: ${outcome?.state}`);
  return outcome;
}

function assertInvalid(run: Run, id: string, reason: RegExp): void {
  const rows = compare(run).rows.filter(
    (row) => id === [row.dataPlane, row.profile, row.encryption, row.placement].join('/'),
  );
  assert.ok(rows.length > 0, `${id} has rows`);
  for (const row of rows) {
    assert.equal(row.valid, false, `${id} ${row.metric}`);
    assert.match(row.reason ?? '', reason);
  }
}

async function deployed(of: LoadedScenario) {
  const pool = pools[1] as (typeof pools)[number];
  const context: DataPlaneContext = { kube: cluster.kube, signal, progress: () => undefined };
  return deployScenario(context, { scenario: of, pool, dataPlane: dataPlaneOf(pool), placements: ['cross-node'] });
}

/** Runs a command in the network namespace of the sidecar pool's generator, from the host. */
async function inGenerator(command: readonly [string, ...string[]]): Promise<void> {
  await deployed(scenario);
  const pid = await processOf('lab-sidecar', 'generator');
  await exec('nsenter', ['--target', pid, '--net', '--', ...command], { signal });
}

async function killContainer(namespace: string, name: string): Promise<void> {
  process.kill(Number(await processOf(namespace, name)), 'SIGKILL');
}

/** The first process of the one container of that name, as the host numbers it. */
async function processOf(namespace: string, name: string): Promise<string> {
  const { items } = await cluster.kube.json<V1PodList>('GET', `/api/v1/namespaces/${namespace}/pods`, { signal });
  const [container] = findContainerCgroups(items, (_pod, container) => (container === name ? 'generator' : null));
  assert.ok(container?.directories, `${namespace} has a container ${name}`);
  const [pid = ''] = readFileSync(join(container.directories.cpu, 'cgroup.procs'), 'utf8').split('\n');
  return pid;
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Cluster, poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { tearDown } from '../../clusters/netns/life.ts';
import type { DataPlaneContext } from '../../datapath/data-plane.ts';
import { compare } from '../../results/compare.ts';
import type { Run } from '../../results/run.ts';
import { findContainerCgroups } from '../probes/pod-cgroups.ts';
import { openCluster } from '../session.ts';
import { deployScenario } from './deploy.ts';
import { dataPlaneOf } from './plan.ts';
import { runScenario } from './run.ts';
import { type LoadedScenario, loadScenario } from './scenario.ts';

const signal = AbortSignal.timeout(300_000);
const pools = [poolOf('none', 'none'), poolOf('sidecar', 'sidecar')];
const notThroughTheClient = /client-envoy\/\w+ had to grow by \d+, but it grew by 0/;
let cluster: Cluster;
let scenario: LoadedScenario;

before(async () => {
  scenario = await loadScenario('latency');
  const context = { signal, progress: () => undefined };
  ({ cluster } = await openCluster({ pools, fallback: pools, ephemeral: true }, context));
});

after(() => tearDown());

test('an untouched data plane proves every path', async () => {
  const run = await shortRun(scenario);
  for (const { id, outcome } of run.testCases) {
    assert.equal(outcome.state, 'measured', id);
    if (outcome.state !== 'measured') continue;
    assert.deepEqual(outcome.verification.reasons, [], id);
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

function shortRun(of: LoadedScenario): Promise<Run> {
  return runScenario(
    cluster,
    of,
    {
      ...{ pools, profiles: ['l4', 'l7'], placements: ['cross-node'], blocks: 1, seconds: 1 },
      ...{ rate: 200, connections: 4, seed: 1 },
    },
    { signal, progress: () => undefined },
  );
}

/** The path was proven, whatever else a loaded machine did to the numbers. */
function assertValidPath(run: Run, id: string): void {
  const outcome = run.testCases.find((testCase) => testCase.id === id)?.outcome;
  assert.equal(outcome?.state, 'measured');
  if (outcome?.state === 'measured') assert.deepEqual(outcome.verification.reasons, [], id);
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
  const generator = (await deployed(scenario)).generators.get('cross-node');
  assert.ok(generator);
  const [container] = findContainerCgroups([generator], (_pod, name) => (name === 'generator' ? 'generator' : null));
  assert.ok(container);
  const [pid = ''] = readFileSync(join(container.cpu, 'cgroup.procs'), 'utf8').split('\n');
  await exec('nsenter', ['--target', pid, '--net', '--', ...command], { signal });
}

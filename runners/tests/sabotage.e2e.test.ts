import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { poolOf } from '../../clusters/cluster.ts';
import { exec } from '../../clusters/exec.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { Run } from '../../results/run.ts';
import { assertAllProven, assertInvalid, assertValidPath, measuredOf, openStage, type Stage } from './stage.ts';

const signal = AbortSignal.timeout(900_000);
const sidecar = poolOf('sidecar', 'sidecar');
const notThroughTheClient = /client-envoy\/\w+ had to grow by \d+, but it grew by 0/;
let stage: Stage;

before(async () => {
  stage = await openStage([poolOf('none', 'none'), sidecar], { placements: ['cross-node'], signal });
});

// Where it could not be opened, another's may be up.
after(async () => void (stage !== undefined && (await tearDown())));

test('an untouched data plane proves every path', async () => assertAllProven(await stage.shortRun()));

test('without the redirect nothing passes the sidecars, and the run says so', async () => {
  await stage.deployed(sidecar);
  await inGenerator(['iptables', '-t', 'nat', '-F', 'OUTPUT']);
  try {
    const run = await stage.shortRun();
    // The plaintext ports still answer: only the counters can tell.
    assertInvalid(run, 'sidecar/l7/none/cross-node', notThroughTheClient);
    assertInvalid(run, 'sidecar/l4/none/cross-node', notThroughTheClient);
    assertValidPath(run, 'none/l4/none/cross-node');
  } finally {
    await inGenerator(['iptables', '-t', 'nat', '-A', 'OUTPUT', '-j', 'ISTIO_OUTPUT']);
  }
});

test('a route around the proxy is noticed', async () => {
  await stage.deployed(sidecar);
  const around = ['ISTIO_OUTPUT', '-p', 'tcp', '--dport', '8083', '-j', 'RETURN'];
  await inGenerator(['iptables', '-t', 'nat', '-I', ...around]);
  try {
    const run = await stage.shortRun();
    assertInvalid(run, 'sidecar/l7/none/cross-node', notThroughTheClient);
    assertValidPath(run, 'sidecar/l4/none/cross-node');
  } finally {
    await inGenerator(['iptables', '-t', 'nat', '-D', ...around]);
  }
});

test('a sidecar that speaks plaintext where it claims mTLS is seen on the wire', async () => {
  const { scenario } = stage;
  const everythingPlain = scenario.manifestsText.replace('"8082,8083"', '"8081,8082,8083"');
  assert.notEqual(everythingPlain, scenario.manifestsText);
  const run = await stage.shortRun({}, undefined, { ...scenario, manifestsText: everythingPlain });
  assertInvalid(run, 'sidecar/l7/mtls/cross-node', /found plaintext where the data plane claims encryption/);
  assertValidPath(run, 'sidecar/l4/mtls/cross-node');
});

test('a container that starts again costs the figures of one block, and a generator that dies the blocks to come', async () => {
  const kills: Promise<void>[] = [];
  const later = (kill: () => Promise<void>) => kills.push(delay(2000).then(kill));
  const run = await stage.shortRun({ blocks: 2, seconds: 6, profiles: ['l4'] }, (step) => {
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

/** Runs a command in the network namespace of the sidecar pool's generator, from the host. */
async function inGenerator(command: readonly [string, ...string[]]): Promise<void> {
  await stage.deployed(sidecar);
  const pid = await stage.processOf('lab-sidecar', 'generator');
  await exec('nsenter', ['--target', `${pid}`, '--net', '--', ...command], { signal });
}

async function killContainer(namespace: string, name: string): Promise<void> {
  process.kill(await stage.processOf(namespace, name), 'SIGKILL');
}

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { V1NodeList } from '@kubernetes/client-node';
import { exec, tryExec } from '../../clusters/exec.ts';
import { engineData } from '../../clusters/kind/paths.ts';
import { attach } from '../../clusters/life/attach.ts';
import { tearDown } from '../../clusters/life/tear-down.ts';
import { startProcess } from '../../clusters/process.ts';
import type { Comparison } from '../../results/comparison.ts';
import { type HostState, readHostState, remainingDifferences } from '../checks/host-state.ts';
import { assertConforms, expectFromNowOn } from '../conformance/expected.ts';
import { recordPods } from '../conformance/record.ts';
import { untilLine } from '../probes/until-line.ts';
import { exclusively, requireNoCluster } from '../session.ts';
import { judgedRun, withoutLoad } from './without-load.ts';

// One cluster for all: it takes its time to come up.
const program = join(import.meta.dirname, '../lab.ts');
const planes = 'none,sidecar,sidecarless';
let untouched: HostState | undefined;

before(async () => {
  await exclusively(requireNoCluster);
  // As on a machine that has not run a cluster of kind yet: nothing is loaded where the node image is there already.
  await rm(engineData(), { recursive: true, force: true });
  await lab('images', 'build');
  untouched = await readHostState();
});

after(async () => {
  if (untouched !== undefined) await tearDown();
});

for (const [when, line] of [
  ['while the Docker daemon starts', /^starting a Docker daemon/],
  ['while the node image is loaded', /^loading the node image/],
  ['while nodes start', /^kind: preparing nodes/],
  ['while the control plane starts', /^kind: starting control-plane/],
  ['while data planes are installed', /^none: kube-proxy/],
] as const) {
  test(`after kill -9 ${when} down leaves nothing behind`, async () => {
    const up = startProcess(process.execPath, [program, 'up', '--cluster', 'kind', '--planes', 'none']);
    await untilLine(up, line);
    up.kill('SIGKILL');
    await up.ended;
    await lab('down');
    await assertUntouched();
  });
}

test('up brings a cluster with all data planes, and down leaves nothing but the node image', async (t) => {
  await lab('up', '--cluster', 'kind', '--planes', planes);
  const cluster = await attach();
  assert.ok(cluster !== null);

  await t.test('its nodes are real and have the names of the embedded cluster’s', async () => {
    const { items } = await cluster.kube.json<V1NodeList>('GET', '/api/v1/nodes');
    const names = items.map(({ metadata }) => metadata?.name).sort();
    const workers = planes.split(',').flatMap((plane) => [`${plane}-1`, `${plane}-2`]);
    assert.deepEqual(names, ['datapath-lab-control-plane', 'outside', ...workers].sort());
    for (const { status } of items) assert.match(status?.nodeInfo?.containerRuntimeVersion ?? '', /^containerd:/);
  });

  await t.test('what becomes of pods on it is as recorded', async ({ signal }) => {
    const records = await recordPods(cluster.kube, signal);
    expectFromNowOn(records);
    assertConforms(records);
  });

  await t.test('a run on it proves every path', async () => {
    const words = [
      'run',
      'latency',
      '--cluster',
      'kind',
      '--planes',
      planes,
      '--blocks',
      '1',
      '--seconds',
      '2',
      '--json',
    ];
    const { exitCode, stdout, stderr } = await judgedRun(() =>
      tryExec(process.execPath, [program, ...words, '--rate', '200']),
    );
    // A machine that is as busy as three data planes on kind make it may not keep a timetable: that is not what is tested.
    assert.ok([0, 4].includes(exitCode), stderr);
    const { rows } = JSON.parse(stdout) as Comparison;
    assert.equal(
      new Set(rows.map(({ dataPlane, profile, encryption }) => `${dataPlane}/${profile}/${encryption}`)).size,
      6,
    );
    for (const { dataPlane, reason } of rows) assert.equal(withoutLoad(reason ?? ''), '', `${dataPlane}: ${reason}`);
  });

  await lab('down');
  await assertUntouched();
  assert.ok(existsSync(engineData()), 'the next cluster need not load the node image');
});

test('a cluster of kind is not taken for an embedded one', async () => {
  const { exitCode, stderr } = await tryExec(process.execPath, [program, 'up', '--cluster', 'king']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /netns, kind/);
});

async function assertUntouched(): Promise<void> {
  assert.ok(untouched !== undefined);
  assert.deepEqual(await remainingDifferences(untouched), []);
  // The daemon's data may be kept, for the node image; what else was in it is gone.
  const left = ['containers', 'volumes'].flatMap((kind) => readable(join(engineData(), kind)));
  assert.deepEqual(
    left.filter((name) => !['metadata.db', 'backingFsBlockDev'].includes(name)),
    [],
  );
}

function readable(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function lab(...words: string[]) {
  return exec(process.execPath, [program, ...words]);
}

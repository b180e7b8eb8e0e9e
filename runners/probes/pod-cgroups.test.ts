import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { startProcess } from '../../clusters/process.ts';
import { areCurrent, type ContainerCgroup, findContainerCgroups, readRoleUsage } from './pod-cgroups.ts';

test('what the containers of a role have used is added up, without file cache', (t) => {
  const usage = readRoleUsage([container(t, 'envoy', v1), container(t, 'agent', v2)]);
  assert.deepEqual(usage.proxy, {
    cpuSeconds: { value: 1.5 + 0.25, reason: null },
    memoryBytes: { value: 900 + 450, reason: null },
  });
});

test('a container that is gone leaves its role without a figure, with the reason, and no other role', (t) => {
  const gone = container(t, 'envoy', v1);
  const stays = { ...container(t, 'server', v1), role: 'workload' as const };
  assert.ok(areCurrent([gone, stays]));
  rmSync(gone.directories?.cpu ?? '', { recursive: true });
  assert.ok(!areCurrent([gone, stays]));
  const { proxy, workload } = readRoleUsage([container(t, 'agent', v1), gone, stays]);
  for (const figure of [proxy?.cpuSeconds, proxy?.memoryBytes]) {
    assert.equal(figure?.value, null);
    assert.match(figure?.reason ?? '', /container envoy of pod-1 \(role proxy\) ended or started again/);
  }
  assert.equal(workload?.cpuSeconds.value, 1.5);
});

test('so does one that is about to start', () => {
  const waiting: ContainerCgroup = { pod: 'pod-1', container: 'envoy', role: 'proxy', directories: null };
  assert.ok(!areCurrent([waiting]));
  assert.equal(readRoleUsage([waiting]).proxy?.cpuSeconds.value, null);
});

test('a container is found while other cgroups come and go', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'lab-cgroup-'));
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory\n');
  const uid = '7b1f5f2e-0000-4000-8000-000000000001';
  const directory = join(root, 'kubepods', `pod${uid}`, 'cri-0123.scope');
  mkdirSync(directory, { recursive: true });
  const comings = 'while :; do mkdir -p other/one other/two; rmdir other/one other/two; rmdir other; done';
  const others = startProcess('sh', ['-c', comings], { cwd: root, stdio: ['ignore', 'ignore', 'ignore'] });
  // In this order: while the others run, the directory cannot be removed, and they would outlive the test.
  t.after(async () => {
    others.kill('SIGKILL');
    await others.ended;
    rmSync(root, { recursive: true, force: true });
  });
  const pod: V1Pod = {
    metadata: { uid, name: 'pod-1' },
    status: { containerStatuses: [status('envoy', 'runc://0123')] },
  };
  const expected = {
    pod: 'pod-1',
    container: 'envoy',
    role: 'proxy',
    directories: { cpu: directory, memory: directory },
  };
  for (let look = 0; look < 2000; look++) {
    assert.deepEqual(
      findContainerCgroups([pod], () => 'proxy', root),
      [expected],
    );
  }
});

function status(name: string, containerID: string): V1ContainerStatus {
  return {
    name,
    containerID,
    state: { running: {} },
    image: 'envoy:lab',
    imageID: 'envoy:lab',
    ready: true,
    restartCount: 0,
  };
}

const v1 = {
  'cpuacct.usage': '1500000000\n',
  'memory.usage_in_bytes': '1000\n',
  'memory.stat': 'cache 300\ninactive_file 1\ntotal_inactive_file 100\n',
};
const v2 = {
  'cpu.stat': 'usage_usec 250000\nuser_usec 1\n',
  'memory.current': '500\n',
  'memory.stat': 'inactive_file 50\n',
};

function container(t: TestContext, name: string, files: Record<string, string>): ContainerCgroup {
  const directory = mkdtempSync(join(tmpdir(), 'lab-cgroup-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  const directories = { cpu: directory, memory: directory };
  return { pod: 'pod-1', container: name, role: 'proxy', directories };
}

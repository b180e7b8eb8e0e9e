import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LabError } from '../../error.ts';
import { type CniExec, type CniNetwork, cniAdd, cniDelete, loadCniNetwork, podIps } from './cni.ts';

const network: CniNetwork = {
  cniVersion: '1.0.0',
  name: 'net',
  plugins: [
    { type: 'ptp', mtu: 1400 },
    { type: 'portmap', capabilities: { portMappings: true, bandwidth: true } },
  ],
};
const attachment = {
  containerId: 'abc',
  netns: '/run/netns/cni-abc',
  pod: { namespace: 'ns', name: 'pod', uid: 'u-1' },
  runtimeConfig: { portMappings: [{ hostPort: 80 }] },
};
const result = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', sandbox: '/n' }],
  ips: [{ address: '10.0.0.2/24', interface: 0 }],
};

type Call = { plugin: string; environment: Record<string, string>; input: Record<string, unknown> };

/** A plugin that answers with its number and remembers how it was called. */
function recorder(): { calls: Call[]; exec: CniExec } {
  const calls: Call[] = [];
  return {
    calls,
    exec: async (plugin, environment, input) => {
      calls.push({ plugin, environment, input: JSON.parse(input) });
      const stdout = environment.CNI_COMMAND === 'ADD' ? JSON.stringify({ ...result, by: plugin }) : '';
      return { exitCode: 0, stdout, stderr: '' };
    },
  };
}

test('plugins are called in order, each with the result of the one before', async () => {
  const { calls, exec } = recorder();
  const added = await cniAdd(exec, network, attachment);
  assert.deepEqual(
    calls.map(({ plugin, input }) => ({ plugin, input })),
    [
      { plugin: 'ptp', input: { type: 'ptp', mtu: 1400, name: 'net', cniVersion: '1.0.0' } },
      {
        plugin: 'portmap',
        input: {
          type: 'portmap',
          name: 'net',
          cniVersion: '1.0.0',
          runtimeConfig: { portMappings: [{ hostPort: 80 }] },
          prevResult: { ...result, by: 'ptp' },
        },
      },
    ],
  );
  assert.equal(added.by, 'portmap');
  assert.deepEqual(podIps(added), ['10.0.0.2']);
});

test('the environment is what containerd sets', async () => {
  const { calls, exec } = recorder();
  await cniAdd(exec, network, attachment);
  const { PATH: _, ...environment } = calls[0]?.environment ?? {};
  assert.deepEqual(environment, {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'abc',
    CNI_NETNS: '/run/netns/cni-abc',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin:/usr/lib/cni',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u-1',
  });
});

test('deletion goes backwards, every plugin with the result of the addition', async () => {
  const { calls, exec } = recorder();
  await cniDelete(exec, network, attachment, result);
  assert.deepEqual(
    calls.map(({ plugin, input }) => [plugin, input.prevResult]),
    [
      ['portmap', result],
      ['ptp', result],
    ],
  );
});

test("a failure has the plugin's own words, and ends the chain", async () => {
  let calls = 0;
  const failing: CniExec = async () => {
    calls++;
    return { exitCode: 1, stdout: '{"code":11,"msg":"no addresses","details":"range full"}', stderr: '' };
  };
  await assert.rejects(cniAdd(failing, network, attachment), (error: LabError) => {
    assert.equal(error.code, 'LAB_CNI_FAILED');
    return error.message === 'plugin type="ptp" failed (add): no addresses; range full';
  });
  assert.equal(calls, 1);
});

test("addresses of a plugin's other interfaces are not the pod's", () => {
  const interfaces = [{ name: 'veth1' }, { name: 'eth0', sandbox: '/n' }];
  const ips = [
    { address: '10.0.0.1/24', interface: 0 },
    { address: '10.0.0.2/24', interface: 1 },
    { address: 'fd00::2/64', interface: 1 },
  ];
  assert.deepEqual(podIps({ interfaces, ips }), ['10.0.0.2', 'fd00::2']);
});

test('the first valid configuration by name is taken; a single plugin counts as a list', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-cni-'));
  try {
    assert.equal(await loadCniNetwork(directory), null);
    assert.equal(await loadCniNetwork(join(directory, 'absent')), null);
    await writeFile(join(directory, '00-broken.conflist'), '{');
    await writeFile(join(directory, '05-note.txt'), JSON.stringify({ ...network, name: 'text' }));
    await writeFile(join(directory, '20-list.conflist'), JSON.stringify({ ...network, name: 'list' }));
    assert.equal((await loadCniNetwork(directory))?.name, 'list');
    await writeFile(
      join(directory, '10-single.conf'),
      JSON.stringify({ cniVersion: '0.4.0', name: 'single', type: 'ptp' }),
    );
    const single = await loadCniNetwork(directory);
    assert.deepEqual([single?.name, single?.plugins[0]?.type], ['single', 'ptp']);
  } finally {
    await rm(directory, { recursive: true });
  }
});

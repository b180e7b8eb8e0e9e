import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { poolOf } from '../cluster.ts';
import { kindConfig, kindWorkers } from './kind-config.ts';

const input = { pools: [poolOf('none', 'none')], image: 'node:1', apiPort: 6443, cgroupV1: false };

type Config = {
  networking: Record<string, unknown>;
  nodes: { role: string; image: string; labels: Record<string, string>; kubeadmConfigPatches: string[] }[];
  kubeadmConfigPatches: string[];
};

test('two workers for each pool and one outside, by the names that they have everywhere', () => {
  const { nodes } = parse(kindConfig(input)) as Config;
  const workers = nodes.filter(({ role }) => role === 'worker');
  assert.deepEqual(
    workers.map(({ labels, kubeadmConfigPatches: [patch] }) => [
      (parse(patch ?? '') as { nodeRegistration: { name: string } }).nodeRegistration.name,
      labels['lab.dataplane'],
    ]),
    [
      ['none-1', 'none'],
      ['none-2', 'none'],
      ['outside', 'outside'],
    ],
  );
  assert.equal(nodes.filter(({ role }) => role === 'control-plane').length, 1);
  assert.ok(nodes.every(({ image }) => image === 'node:1'));
});

test('kind brings neither a network nor a kube-proxy', () => {
  const { networking, nodes } = parse(kindConfig(input)) as Config;
  assert.equal(networking.disableDefaultCNI, true);
  assert.equal(networking.kubeProxyMode, 'none');
  const [patch] = nodes.find(({ role }) => role === 'control-plane')?.kubeadmConfigPatches ?? [];
  assert.ok((parse(patch ?? '') as { skipPhases: string[] }).skipPhases.includes('addon/kube-proxy'));
});

test('kubelets are told to run on cgroup v1 only where the host has it', () => {
  const kubelet = (cgroupV1: boolean): Record<string, unknown> =>
    parse((parse(kindConfig({ ...input, cgroupV1 })) as Config).kubeadmConfigPatches[0] ?? '') as Record<
      string,
      unknown
    >;
  assert.equal(kubelet(true).failCgroupV1, false);
  assert.ok(!('failCgroupV1' in kubelet(false)));
});

test('containers of workers are named as kind names them, in the order of its configuration', () => {
  assert.deepEqual(
    kindWorkers([poolOf('none', 'none')]).map(({ node, container }) => `${node} ${container}`),
    ['none-1 datapath-lab-worker', 'none-2 datapath-lab-worker2', 'outside datapath-lab-worker3'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences } from './host-state.ts';

test('what came and what went is a difference, but for a BPF program that went', () => {
  const before = { mounts: ['/a nsdelegate'], 'BPF programs': ['1 cgroup_device'], routes: [] };
  const after = { mounts: ['/a'], 'BPF programs': ['2 cgroup_device'], routes: [] };
  assert.deepEqual(differences(before, after), [
    'mounts: new: /a',
    'mounts: gone: /a nsdelegate',
    'BPF programs: new: 2 cgroup_device',
  ]);
});

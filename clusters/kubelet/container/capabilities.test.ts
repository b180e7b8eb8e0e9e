import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerCapabilities, decodeCapabilities } from './capabilities.ts';

const all = decodeCapabilities('1ffffffffff');
const plain = { privileged: false, add: [], drop: [] };

test('a mask names its bits', () => {
  assert.deepEqual([...decodeCapabilities('3001')], ['CHOWN', 'NET_ADMIN', 'NET_RAW']);
  assert.equal(all.size, 41);
});

test('a container has the standard set, plus and minus what it asks for', () => {
  assert.equal(containerCapabilities(plain, all).length, 14);
  assert.deepEqual(containerCapabilities({ ...plain, drop: ['ALL'], add: ['NET_ADMIN', 'CAP_BPF'] }, all), [
    'CAP_NET_ADMIN',
    'CAP_BPF',
  ]);
  assert.ok(!containerCapabilities({ ...plain, drop: ['NET_RAW'] }, all).includes('CAP_NET_RAW'));
});

test('nobody gets what the host lacks', () => {
  const host = new Set([...all].filter((name) => name !== 'SYS_RESOURCE'));
  const privileged = containerCapabilities({ privileged: true, add: [], drop: ['ALL'] }, host);
  assert.equal(privileged.length, 40);
  assert.ok(!privileged.includes('CAP_SYS_RESOURCE'));
});

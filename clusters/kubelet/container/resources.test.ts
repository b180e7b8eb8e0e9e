import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupLimits } from './resources.ts';

test('requests and limits become shares, quota and bytes', () => {
  assert.deepEqual(cgroupLimits({ requests: { cpu: '250m' }, limits: { cpu: '1.5', memory: '128Mi' } }), {
    cpuShares: 256,
    cpuQuota: 150_000,
    cpuPeriod: 100_000,
    memoryBytes: 134_217_728,
  });
});

test('a limit alone is the request too; nothing at all is the least share and no limit', () => {
  assert.equal(cgroupLimits({ limits: { cpu: '2' } }).cpuShares, 2048);
  assert.deepEqual(cgroupLimits(undefined), { cpuShares: 2, cpuQuota: null, cpuPeriod: 100_000, memoryBytes: null });
  assert.equal(cgroupLimits({ limits: { cpu: '1m' } }).cpuQuota, 1000);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireClusterHost } from '../cluster-host.ts';
import { isAtLeast } from './go.ts';
import { isInstalled, packageNames } from './host-packages.ts';

test('a cluster needs root on Linux, exit 3 otherwise', () => {
  requireClusterHost({ platform: 'linux', userId: 0 });
  const notRoot = { code: 'LAB_NOT_ROOT', exitCode: 3, remedy: /sudo/ };
  assert.throws(() => requireClusterHost({ platform: 'linux', userId: 1000 }), notRoot);
  const notLinux = { code: 'LAB_NOT_LINUX', exitCode: 3 };
  assert.throws(() => requireClusterHost({ platform: 'darwin', userId: 0 }), notLinux);
  assert.throws(() => requireClusterHost({ platform: 'win32', userId: undefined }), notLinux);
});

test('versions are compared by number, part by part', () => {
  for (const [version, required, expected] of [
    ['1.26.8', '1.25.0', true],
    ['1.25.0', '1.25.0', true],
    ['1.25', '1.25.0', true],
    ['1.9.9', '1.25.0', false],
    ['1.24.13', '1.25.0', false],
    ['2.0', '1.25.0', true],
  ] as const) {
    assert.equal(isAtLeast(version, required), expected, `${version} >= ${required}`);
  }
});

test('a package has the name that its distribution gives it', () => {
  assert.deepEqual(packageNames(['bpftool', 'runc'], 'ID=debian\n'), ['bpftool', 'runc']);
  assert.deepEqual(packageNames(['bpftool', 'runc'], 'ID=ubuntu\nID_LIKE=debian\n'), ['linux-tools-generic', 'runc']);
  assert.deepEqual(packageNames(['bpftool'], 'ID=linuxmint\nID_LIKE="ubuntu debian"\n'), ['linux-tools-generic']);
});

test('a program is found on PATH or at its path, if it can be run', async () => {
  assert.equal(await isInstalled('sh'), true);
  assert.equal(await isInstalled('/bin/sh'), true);
  assert.equal(await isInstalled('no-such-program'), false);
  assert.equal(await isInstalled('/etc/passwd'), false);
});

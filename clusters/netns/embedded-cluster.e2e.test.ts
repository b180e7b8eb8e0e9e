import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exec } from '../exec.ts';
import { ownImages } from '../images/images.ts';
import { toolPath } from '../tools/tools.ts';
import { startEmbeddedCluster } from './embedded-cluster.ts';
import { privateRun, testCgroup, testInNamespaces } from './tests/namespaces.ts';

testInNamespaces(import.meta.filename, () => {
  test('an API server that ends before the nodes are there is told of, with its last lines', async () => {
    await privateRun();
    // Here alone: the mount namespace is the test's own.
    await exec('mount', ['--bind', '/bin/false', toolPath('kube-apiserver')]);
    const stop = new AbortController();
    const nodes = ['a', 'b', 'c'].map((name) => ({ name, pool: 'test' }));
    const start = startEmbeddedCluster({ nodes, images: ownImages, cgroupRoot: testCgroup(), signal: stop.signal });
    await assert.rejects(start, { code: 'LAB_CONTROL_PLANE_FAILED', message: /^kube-apiserver ended\. / });
    stop.abort();
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { importedPackages } from './imported-packages.ts';

const repository = join(import.meta.dirname, '../..');

test('packages of other files and of packages count, those for types and for other platforms do not', async ({
  signal,
}) => {
  const packages = await importedPackages(
    repository,
    ['datapath/sidecarless/libbpf/programs.ts', 'clusters/kube/connect.ts'],
    signal,
  );
  for (const name of ['koffi', '@koromix/koffi-linux-x64', '@kubernetes/client-node', 'undici']) {
    assert.ok(packages.includes(`node_modules/${name}`), `${name} is missing`);
  }
  for (const name of ['@koromix/koffi-linux-arm64', 'typescript', 'esbuild']) {
    assert.ok(!packages.includes(`node_modules/${name}`), `${name} is not needed`);
  }
  assert.deepEqual(await importedPackages(repository, [], signal), []);
});

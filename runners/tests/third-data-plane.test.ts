import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Extended, withThirdDataPlane } from './third-data-plane.ts';

let lab: Extended;
before(async () => {
  lab = await withThirdDataPlane();
});
after(() => lab.remove());

test('a data plane that is one folder and one line is listed and can be asked for', async () => {
  const listed = await lab.node(['runners/lab.ts', 'list', '--json']);
  assert.equal(listed.exitCode, 0, listed.stderr);
  const { dataPlanes } = JSON.parse(listed.stdout) as { dataPlanes: { id: string }[] };
  assert.equal(dataPlanes.at(-1)?.id, 'twin');
  const help = await lab.node(['runners/lab.ts', 'run', '--help']);
  assert.match(help.stdout, /data planes: none, .*, twin;/);
});

test('the types agree with it', async () => {
  const { exitCode, stdout } = await lab.node(['node_modules/typescript/bin/tsc']);
  assert.equal(exitCode, 0, stdout);
});

for (const file of ['import-graph', 'brought']) {
  test(`the tests of ${file} admit it`, async () => {
    const { exitCode, stdout } = await lab.node(['--test-reporter=spec', `runners/tests/${file}.test.ts`]);
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^ℹ pass [1-9]/m);
    if (file === 'brought') assert.match(stdout, /✔ twin: its images are made of programs that it brings/);
  });
}

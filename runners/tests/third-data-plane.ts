import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type ExecResult, tryExec } from '../../clusters/exec.ts';
import { repository } from '../../clusters/tools/repository.ts';

/** A copy of the repository with one more data plane: `none` once more, under the id `twin`. */
export type Extended = {
  /** Runs a program of the copy with Node.js, whatever its exit code. */
  node(args: readonly string[], options?: { timeoutSeconds: number }): Promise<ExecResult>;
  remove(): Promise<void>;
};

/** What is no part of the repository, or is linked. */
const left = new Set(['.git', '.lab', 'node_modules']);

/**
 * Adds the data plane as its author would: one folder, and one entry of the registry with its import. Nothing else of the
 * copy is changed.
 */
export async function withThirdDataPlane(): Promise<Extended> {
  const copy = await mkdtemp(join(tmpdir(), 'lab-third-plane-'));
  await cp(repository, copy, { recursive: true, filter: (path) => !left.has(basename(path)) });
  await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
  const [folder, own] = ['none', 'twin'].map((id) => join(copy, 'datapath', id)) as [string, string];
  await cp(folder, own, { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  await replaceIn(join(own, 'none.ts'), [
    ['export const none:', 'export const twin:'],
    ["id: 'none',", "id: 'twin',"],
  ]);
  assert.deepEqual(await readdir(own), ['none.ts'], 'the copied data plane is one file');
  await replaceIn(join(copy, 'datapath/data-planes.ts'), [
    ['\n\n', "\nimport { twin } from './twin/none.ts';\n\n"],
    ['sidecarless];', 'sidecarless, twin];'],
  ]);
  return {
    node: (args, { timeoutSeconds } = { timeoutSeconds: 120 }) =>
      tryExec(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
        cwd: copy,
        // Without the variable by which node:test knows its children, which would make a test run inside one do nothing.
        env: { NODE_TEST_CONTEXT: '' },
        timeoutMs: timeoutSeconds * 1000,
      }),
    remove: () => rm(copy, { recursive: true }),
  };
}

async function replaceIn(path: string, replacements: readonly [string, string][]): Promise<void> {
  let text = await readFile(path, 'utf8');
  for (const [before, after] of replacements) {
    assert.ok(text.includes(before), `${path} has ${before}`);
    text = text.replace(before, after);
  }
  await writeFile(path, text);
}

import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type Artefact, goArtefact, nodeArtefact } from './artefact.ts';
import { directoryName } from './programs.ts';

const files = {
  'package-lock.json': '{}',
  'a/program.ts': "import { one } from './one.ts';\nimport type { Two } from './types.ts';\n",
  'a/one.ts': "export { three } from '../b/three.ts';\n",
  'a/types.ts': 'export type Two = 2;\n',
  'a/program.test.ts': "import './program.ts';\n",
  'a/unused.ts': 'export const unused = 1;\n',
  'b/three.ts': 'export const three = await import("./lazy.ts");\n'.replaceAll('"', "'"),
  'b/lazy.ts': "export * from 'a-package';\n",
  'go/go.mod': 'module go\n\nreplace own => ../shared\n',
  'go/main.go': 'package main\n',
  'go/main_test.go': 'package main\n',
  'shared/go.mod': 'module shared\n',
  'shared/shared.go': 'package shared\n',
  'kernel/a.bpf.c': 'int a;\n',
  'kernel/lib/a.h': 'int b;\n',
  'kernel/Makefile': 'all:\n',
  'kernel/tests/a.c': 'int c;\n',
  'c/program.c': 'int main;\n',
};

const node = nodeArtefact('node', { program: 'a/program.ts' });
const go = goArtefact('go', { module: 'go' });
const bpf: Artefact = { ...go, recipe: { kind: 'bpf', folder: 'kernel' } };
const c: Artefact = { ...go, recipe: { kind: 'c', source: 'c/program.c' } };

const cases: readonly [artefact: Artefact, madeFrom: readonly string[], notMadeFrom: readonly string[]][] = [
  [
    node,
    ['a/program.ts', 'a/one.ts', 'b/three.ts', 'b/lazy.ts', 'package-lock.json'],
    ['a/program.test.ts', 'a/unused.ts', 'a/types.ts', 'a/new.test.ts', 'go/main.go'],
  ],
  [go, ['go/main.go', 'go/go.mod', 'shared/shared.go'], ['go/main_test.go', 'a/one.ts']],
  [bpf, ['kernel/a.bpf.c', 'kernel/lib/a.h', 'kernel/Makefile', 'kernel/b.bpf.c'], ['kernel/tests/a.c']],
  [c, ['c/program.c'], ['kernel/a.bpf.c']],
];

for (const [artefact, madeFrom, notMadeFrom] of cases) {
  test(`${artefact.recipe.kind}: what programs are made from changes where they are, and nothing else does`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'lab-programs-'));
    t.after(() => rm(root, { recursive: true }));
    const original = join(root, 'original');
    for (const [path, text] of Object.entries(files)) await write(join(original, path), text);
    const before = directoryName(artefact, original);
    const changes: string[] = [];
    for (const path of [...madeFrom, ...notMadeFrom]) {
      const changed = join(root, path.replaceAll('/', '-'));
      await cp(original, changed, { recursive: true });
      await write(join(changed, path), `${files[path as keyof typeof files] ?? ''}// Changed.\n`);
      if (directoryName(artefact, changed) !== before) changes.push(path);
    }
    assert.deepEqual(changes, madeFrom);
  });
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { dataPlanes } from '../../datapath/data-planes.ts';

const repository = join(import.meta.dirname, '../..');

/** One import: who, what (a repository path for ours, a package or `node:` name otherwise), and whether for types only. */
type Import = { from: string; to: string; typesOnly: boolean };

const files = globSync('{bpf,clusters,datapath,results,runners,scenarios,site}/**/*.ts', { cwd: repository }).filter(
  (file) => !file.includes('node_modules'),
);
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(repository, file), 'utf8')));

/** Which top-level folders a folder may import from, besides itself. */
const directions: Record<string, readonly string[]> = {
  scenarios: [],
  clusters: [],
  results: [],
  datapath: ['clusters', 'results'],
  bpf: ['clusters', 'datapath'],
  runners: ['bpf', 'clusters', 'datapath', 'results', 'scenarios'],
  site: ['results'],
};

/** Checks that are about sidecarless alone, and ask more of it than the contract has. */
const asksSidecarless: readonly string[] = ['runners/checks/agent-speed.ts', 'runners/checks/cni.ts'];

/** Clusters of tests have the workload that runs have: what it is made of is said once. */
const [testCluster, workloadProgram] = ['datapath/tests/cluster.ts', 'runners/load/programs.ts'];

/** All files of clusters but checksums. */
const textFiles = globSync('clusters/**/*', { cwd: repository, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== 'go.sum')
  .map((entry) => relative(repository, join(entry.parentPath, entry.name)));

const namesFolder = /(?<![\w-])(datapath|runners|scenarios|results|site)\/|(?<![\w/-])bpf\//;

/** A line, but for the words of Kubernetes and Istio that are data planes' ids by chance: kinds of containers. */
function wordsOf(file: string, line: string): string {
  return file.startsWith('clusters/kubelet/') ? line.replace(/\bsidecars?\b/gi, '') : line;
}

test('the scanner sees every kind of import', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { B } from './b.ts';",
    "import { type C, type D } from './c.ts';",
    "import {\n  type E,\n  f,\n} from '../e.ts';",
    "import './side-effect.ts';",
    "export { g } from 'package';",
    "const h = await import('./lazy.ts');",
    "// import { no } from './comment.ts';",
    " * import { no } from './comment.ts';",
  ].join('\n');
  assert.deepEqual(importsOf('x/y/z.ts', text), [
    { from: 'x/y/z.ts', to: 'x/y/a.ts', typesOnly: false },
    { from: 'x/y/z.ts', to: 'x/y/b.ts', typesOnly: true },
    { from: 'x/y/z.ts', to: 'x/y/c.ts', typesOnly: true },
    { from: 'x/y/z.ts', to: 'x/e.ts', typesOnly: false },
    { from: 'x/y/z.ts', to: 'package', typesOnly: false },
    { from: 'x/y/z.ts', to: 'x/y/side-effect.ts', typesOnly: false },
    { from: 'x/y/z.ts', to: 'x/y/lazy.ts', typesOnly: false },
  ]);
});

test('folders import in the directions of the architecture', () => {
  assert.ok(imports.length > 100, `only ${imports.length} imports were found: the scanner is broken`);
  assertNone(imports, ({ from, to }) => {
    const [source, target] = [topOf(from), topOf(to)];
    if (from === testCluster && to === workloadProgram) return false;
    return target in directions && source !== target && !directions[source]?.includes(target);
  });
});

test('a scenario imports nothing of ours, not even another scenario', () => {
  assertNone(imports, ({ from, to }) => topOf(from) === 'scenarios' && isOurs(to) && dirname(from) !== dirname(to));
});

test('of results, data planes know the words only', () => {
  assertNone(
    imports,
    ({ from, to }) => topOf(from) === 'datapath' && topOf(to) === 'results' && to !== 'results/vocabulary.ts',
  );
});

test("a data plane's folder is nobody else's, but for its kernel side and checks of it alone", () => {
  const folders = dataPlanes.map(({ id }) => `datapath/${id}/`);
  assertNone(imports, ({ from, to }) => {
    const folder = folders.find((own) => to.startsWith(own));
    if (folder === undefined || from.startsWith(folder) || from === 'datapath/data-planes.ts') return false;
    return !(folder === 'datapath/sidecarless/' && (topOf(from) === 'bpf' || asksSidecarless.includes(from)));
  });
});

test('what several data planes share has a folder beside theirs, and knows none of them', () => {
  const isShared = (path: string): boolean => /^datapath\/(base-network|envoy)\//.test(path);
  assertNone(
    imports,
    ({ from, to }) => isShared(from) && to.startsWith('datapath/') && !isShared(to) && to.split('/').length > 2,
  );
});

test('clusters name no file and no data plane of those that are above them', () => {
  const ids = dataPlanes.map(({ id }) => id).filter((id) => id !== 'none');
  assert.ok(ids.length > 1);
  const found = textFiles.flatMap((file) => {
    const lines = readFileSync(join(repository, file), 'utf8').split('\n');
    return lines
      .filter(
        (line) => namesFolder.test(line) || ids.some((id) => new RegExp(`\\b${id}\\b`, 'i').test(wordsOf(file, line))),
      )
      .map((line) => `${file}: ${line.trim()}`);
  });
  assert.deepEqual(found, []);
});

test('runners call no data plane by its id but in checks of it, and the baseline by what it is', () => {
  const ids = dataPlanes.map(({ id }) => id).filter((id) => id !== 'none');
  const literal = new RegExp(`['"\`](${ids.join('|')})['"\`]|\\bid === 'none'|poolOf\\([^)]*'none'`);
  const found = files
    .filter((file) => topOf(file) === 'runners' && !/^runners\/(checks|tests)\/|\.test\.ts$/.test(file))
    .filter((file) => literal.test(readFileSync(join(repository, file), 'utf8')));
  assert.deepEqual(found, []);
});

test('results import only zod', () => {
  assertNone(
    imports.filter(({ from }) => topOf(from) === 'results'),
    ({ to }) => topOf(to) !== 'results' && to !== 'zod' && !to.startsWith('node:'),
  );
});

test('only clusters/exec.ts and clusters/process.ts start processes', () => {
  const spawners = ['clusters/exec.ts', 'clusters/process.ts'];
  assertNone(imports, ({ from, to }) => /^(execa|(node:)?child_process)$/.test(to) && !spawners.includes(from));
});

test('only clusters/kube/connection.ts makes API clients', () => {
  assertNone(
    imports,
    ({ from, to, typesOnly }) =>
      to === '@kubernetes/client-node' && !typesOnly && from !== 'clusters/kube/connection.ts',
  );
});

test('product code imports nothing of the rooms of tests', () => {
  const isTest = (path: string): boolean => /(^|\/)tests\/|\.test\.ts$/.test(path);
  // What runs the kernel's tests on the oldest kernel compiles what they compile.
  const exceptions = ['bpf/oldest-kernel/kernel-tests.ts'];
  assertNone(imports, ({ from, to }) => isTest(to) && !isTest(from) && !exceptions.includes(from));
});

test('no file imports itself, however far around', () => {
  const graph = new Map<string, string[]>();
  for (const { from, to, typesOnly } of imports) {
    if (!typesOnly && isOurs(to)) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `${[...path, file].join(' -> ')}`);
    if (finished.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

function importsOf(from: string, text: string): Import[] {
  const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const statements = [...code.matchAll(/^(?:import|export)\s+(type\s+)?([^'"=;]*?)\s*from\s+'([^']+)'/gm)].map(
    ([, type, names = '', to = '']) => ({ to, typesOnly: type !== undefined || onlyTypes(names) }),
  );
  const others = [...code.matchAll(/(?:^import\s+|\bimport\()'([^']+)'/gm)].map(([, to = '']) => ({
    to,
    typesOnly: false,
  }));
  return [...statements, ...others].map(({ to, typesOnly }) => ({
    from,
    to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to,
    typesOnly,
  }));
}

function onlyTypes(names: string): boolean {
  const listed = /^\{([^}]*)\}$/
    .exec(names.trim())?.[1]
    ?.split(',')
    .map((name) => name.trim());
  return listed?.every((name) => name === '' || name.startsWith('type ')) ?? false;
}

function topOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function isOurs(path: string): boolean {
  return topOf(path) in directions && path.includes('/');
}

function assertNone(all: readonly Import[], isWrong: (one: Import) => boolean): void {
  assert.deepEqual(
    all.filter(isWrong).map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
}

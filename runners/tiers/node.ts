import { existsSync, readFileSync, rmSync } from 'node:fs';
import { glob, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { prepareHost } from '../../clusters/host.ts';
import { ensurePackages } from '../../clusters/tools/host-packages.ts';
import { ensurePrograms } from '../../clusters/tools/programs.ts';
import { everyArtefact } from '../brought.ts';
import { exclusively, requireNoCluster } from '../session.ts';
import { EndedTest, TestClock } from './test-clock.ts';
import { skippedTier, sum, type Tier, type TierContext, type TierResult } from './tier.ts';

type RunOptions = Pick<NonNullable<Parameters<typeof run>[0]>, 'files' | 'argv' | 'concurrency' | 'timeout'>;
type TestRun = { lines: AsyncIterable<string>; result: TierResult | null };

const repository = join(import.meta.dirname, '../..');
const shard = join(import.meta.dirname, 'shard.ts');
const filesInNamespaces = join(repository, 'clusters/netns/tests/files-in-namespaces.ts');
const folders = ['bpf', 'clusters', 'datapath', 'results', 'runners', 'scenarios'];

/** Tests that need neither root nor a network, several files at a time. */
export const unitTier: Tier = async (context) => {
  const files = await testFiles((name) => tierOf(name) === 'unit', context);
  return files.length === 0 ? skippedTier('no test files') : inShards(files, { timeoutSeconds: 120 }, context);
};

/** Tests of programs in the kernel, one file after the other: what one measures another would disturb. */
export const bpfTier: Tier = async (context) => {
  const obstacle = rootObstacle();
  if (obstacle !== null) return skippedTier(obstacle);
  const files = await testFiles((name) => tierOf(name) === 'bpf', context);
  if (files.length === 0) return skippedTier('no test files');
  await prepareHost(context);
  await ensurePackages(['bpftool', 'clang', 'libbpf-dev', 'make'], context);
  return await oneByOne({ files, timeout: 600_000 }, context);
};

/** Tests that need root on Linux, one file after the other: there is one cluster to a machine. */
export const e2eTier: Tier = (context) => clusterTier('e2e', context);

/** The same, on real nodes of kind's. */
export const kindTier: Tier = (context) => clusterTier('kind', context);

async function clusterTier(tier: 'e2e' | 'kind', context: TierContext): Promise<TierResult> {
  const obstacle = rootObstacle();
  if (obstacle !== null) return skippedTier(obstacle);
  const files = await testFiles((name) => tierOf(name) === tier, context);
  if (files.length === 0) return skippedTier('no test files');
  await prepareHost(context);
  await ensurePackages(['bpftool'], context);
  await ensurePrograms(everyArtefact, context);
  const timeout = 1_200_000;
  const alone = files.filter((file) => !isShared(file));
  const results: TierResult[] = [];
  if (alone.length > 0) results.push(await oneByOne({ files: alone, timeout }, context));
  for (const argv of sharingFiles(files)) {
    results.push(await oneByOne({ files: [filesInNamespaces], argv, timeout }, context));
  }
  return sum(results);
}

/** Whether a file's tests leave their cluster as they found it, so that other files can have it after them. */
function isShared(file: string): boolean {
  return file.endsWith('.shared.e2e.test.ts');
}

/** Files that share a cluster: those of one data plane. */
function sharingFiles(files: readonly string[]): string[][] {
  const dataPlaneOf = (file: string): string => relative(repository, file).split('/').slice(0, 2).join('/');
  return [...Map.groupBy(files.filter(isShared), dataPlaneOf).values()];
}

/**
 * That the tiers with clusters, where this host can run them, would meet none: their tests take down what is up.
 * @throws LabError LAB_CLUSTER_UP or LAB_BUSY.
 */
export async function requireFreeHost(): Promise<void> {
  if (rootObstacle() === null) await exclusively(requireNoCluster);
}

/** Which tier a file belongs to, null when it is no test. */
export function tierOf(file: string): 'unit' | 'bpf' | 'e2e' | 'kind' | null {
  if (!file.endsWith('.test.ts')) return null;
  return rootTiers.find((tier) => file.endsWith(`.${tier}.test.ts`)) ?? 'unit';
}

const rootTiers = ['bpf', 'e2e', 'kind'] as const;

function rootObstacle(): string | null {
  if (process.platform !== 'linux') return `needs Linux; this is ${process.platform}`;
  return process.getuid?.() === 0 ? null : 'needs root';
}

async function testFiles(belongs: (file: string) => boolean, { files }: TierContext): Promise<string[]> {
  if (files !== null) return files.filter(belongs).map((file) => resolve(file));
  const found = await Array.fromAsync(glob(`{${folders.join(',')}}/**/*.test.ts`, { cwd: repository }));
  return found
    .filter(belongs)
    .sort()
    .map((file) => join(repository, file));
}

/** Runs files in so many processes, each of which goes through its share of them. */
async function inShards(files: string[], { timeoutSeconds }: { timeoutSeconds: number }, context: TierContext) {
  const count = Math.min(files.length, availableParallelism() + 1);
  const shares = Array.from({ length: count }, (_, which) => files.filter((_, index) => index % count === which));
  // What a share says waits until those before it have ended: one reporter's lines must not come between another's.
  const runs = shares.map((argv) => start({ files: [shard], argv, timeout: timeoutSeconds * 1000 }, context));
  const results: TierResult[] = [];
  for (const run of runs) results.push(await finish(run, context));
  return sum(results);
}

/** Runs files in a process each, one after the other. */
async function oneByOne(options: RunOptions, context: TierContext): Promise<TierResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-ended-tests-'));
  const endedInside = join(folder, 'ended');
  // For the processes of the files.
  process.env.LAB_TEST_ENDED = endedInside;
  try {
    return await finish(start({ ...options, concurrency: 1 }, context, endedInside), context);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function start(options: RunOptions, { signal }: TierContext, endedInside: string | null = null): TestRun {
  const events = run({ ...options, cwd: repository, signal });
  const testRun: TestRun = { lines: events.compose(new spec()), result: null };
  const skipReasons: string[] = [];
  const clock = new TestClock(repository);
  events.on('test:pass', (test) => {
    clock.ended(test);
    const { name, file, skip, todo } = test;
    const why = skip ?? todo;
    if (why === undefined || why === false) return;
    const where = file === undefined ? '' : `${relative(repository, file)}: `;
    skipReasons.push(`${where}${name}${typeof why === 'string' && why !== '' ? ` (${why})` : ''}`);
  });
  let brokenSuites = 0;
  events.on('test:fail', (test) => {
    clock.ended(test);
    const { type, error } = test.details;
    // Suites are not counted. One can fail though no test of it did: its file does not load, or a hook fails.
    if (type === 'suite' && 'failureType' in error && error.failureType !== 'subtestsFailed') brokenSuites += 1;
  });
  events.on('test:summary', ({ file, counts, duration_ms }) => {
    // One summary for each file comes first; the last, without a file, is of all.
    if (file !== undefined) {
      if (file !== shard) clock.fileEnded(file, duration_ms, endedInside === null ? [] : takeEnded(endedInside));
      return;
    }
    testRun.result = {
      passed: counts.passed,
      failed: counts.tests - counts.passed - counts.skipped - counts.todo + brokenSuites,
      skipped: counts.skipped + counts.todo,
      skipReasons,
      durations: clock.durations,
    };
  });
  return testRun;
}

/** The tests that the file which has just ended ran in namespaces of its own; see clusters/netns/tests/ended-tests.ts. */
function takeEnded(path: string): EndedTest[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  rmSync(path);
  return lines.filter((line) => line !== '').map((line) => EndedTest.parse(JSON.parse(line)));
}

/** Prints a run's lines as they come, to its end. */
async function finish(testRun: TestRun, { stdout, signal }: TierContext): Promise<TierResult> {
  for await (const chunk of testRun.lines) stdout.write(chunk);
  signal.throwIfAborted();
  if (testRun.result === null) throw new Error('the test runner ended without a summary');
  return testRun.result;
}

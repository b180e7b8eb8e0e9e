import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { prepareHost } from '../../clusters/host.ts';
import { ensurePackages } from '../../clusters/host-packages.ts';
import { ensureTools, toolNames } from '../../clusters/tools.ts';
import { exclusively, requireNoCluster } from '../session.ts';
import { skippedTier, type Tier, type TierContext, type TierResult } from './tier.ts';

const repository = join(import.meta.dirname, '../..');
const folders = ['clusters', 'datapath', 'results', 'runners', 'scenarios'];

/** Tests that need neither root nor a network, several files at a time. */
export const unitTier: Tier = async (context) => {
  const files = await testFiles((name) => tierOf(name) === 'unit', context);
  return files.length === 0
    ? skippedTier('no test files')
    : runFiles(files, { timeoutSeconds: 120, concurrency: availableParallelism() + 1 }, context);
};

/** Tests that need root on Linux, one file after the other: there is one cluster to a machine. */
export const e2eTier: Tier = (context) => clusterTier('e2e', context);

/** The same, on real nodes of kind's. */
export const kindTier: Tier = (context) => clusterTier('kind', context);

async function clusterTier(tier: 'e2e' | 'kind', context: TierContext): Promise<TierResult> {
  const obstacle = clusterObstacle();
  if (obstacle !== null) return skippedTier(obstacle);
  const files = await testFiles((name) => tierOf(name) === tier, context);
  if (files.length === 0) return skippedTier('no test files');
  await prepareHost(context);
  await ensurePackages(['bpftool'], context);
  await ensureTools(toolNames, context);
  return await runFiles(files, { timeoutSeconds: 1200, concurrency: 1 }, context);
}

/**
 * That the tiers with clusters, where this host can run them, would meet none: their tests take down what is up.
 * @throws LabError LAB_CLUSTER_UP or LAB_BUSY.
 */
export async function requireFreeHost(): Promise<void> {
  if (clusterObstacle() === null) await exclusively(requireNoCluster);
}

/** Which tier a file belongs to, null when it is no test. */
export function tierOf(file: string): 'unit' | 'e2e' | 'kind' | null {
  if (!file.endsWith('.test.ts')) return null;
  return file.endsWith('.e2e.test.ts') ? 'e2e' : file.endsWith('.kind.test.ts') ? 'kind' : 'unit';
}

function clusterObstacle(): string | null {
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

async function runFiles(
  files: string[],
  { timeoutSeconds, concurrency }: { timeoutSeconds: number; concurrency: number },
  { stdout, signal }: TierContext,
): Promise<TierResult> {
  const events = run({
    files,
    cwd: repository,
    concurrency,
    timeout: timeoutSeconds * 1000,
    signal,
  });
  let result: TierResult | null = null;
  const skipReasons: string[] = [];
  events.on('test:pass', ({ name, file, skip, todo }) => {
    const why = skip ?? todo;
    if (why === undefined || why === false) return;
    const where = file === undefined ? '' : `${relative(repository, file)}: `;
    skipReasons.push(`${where}${name}${typeof why === 'string' && why !== '' ? ` (${why})` : ''}`);
  });
  events.on('test:summary', ({ file, counts }) => {
    // One summary for each file comes first; the last, without a file, is of all.
    if (file !== undefined) return;
    result = {
      passed: counts.passed,
      failed: counts.tests - counts.passed - counts.skipped - counts.todo,
      skipped: counts.skipped + counts.todo,
      skipReasons,
    };
  });
  for await (const chunk of events.compose(new spec())) stdout.write(chunk);
  signal.throwIfAborted();
  if (result === null) throw new Error('the test runner ended without a summary');
  return result;
}

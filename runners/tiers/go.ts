import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError } from '../../clusters/error.ts';
import { tryExec } from '../../clusters/exec.ts';
import { goEnvironment, requiredGo } from '../../clusters/tools/build.ts';
import { goProgram } from '../../clusters/tools/go.ts';
import { skippedTier, sum, type Tier, type TierContext, type TierResult } from './tier.ts';

const repository = join(import.meta.dirname, '../..');

/** The repository's Go modules that hold code of ours. */
export const goModules = [
  'runners/load/pacemaker',
  'runners/load/k6',
  'runners/load/workload',
  'runners/load/fortio',
  'datapath/envoy/descriptors',
] as const;

/** `go vet`, which counts as one test, and `go test`, in each module. */
export const goTier: Tier = async (context) => {
  if (context.files !== null) return skippedTier('only files were asked for');
  const results: TierResult[] = [];
  for (const module of goModules) results.push(await testModule(module, context));
  return sum(results);
};

async function testModule(module: string, context: TierContext): Promise<TierResult> {
  const folder = join(repository, module);
  await access(join(folder, 'go.mod'));
  let go: string;
  try {
    go = await goProgram(await requiredGo(folder), context);
  } catch (error) {
    if (context.requireAll || !(error instanceof LabError) || error.exitCode !== 3) throw error;
    return skippedTier(`${module}: ${error.message}`);
  }
  const options = { cwd: folder, env: goEnvironment(), signal: context.signal };
  context.progress(`${module}: go vet, go test`);
  const began = performance.now();
  const vet = await tryExec('nice', ['-n', '10', go, 'vet', './...'], options);
  const seconds = (performance.now() - began) / 1000;
  const vetPassed = vet.exitCode === 0;
  context.stdout.write(vetPassed ? `✔ ${module}: go vet\n` : `✖ ${module}: go vet\n${vet.stderr}\n`);
  const test = await tryExec('nice', ['-n', '10', go, 'test', '-json', './...'], options);
  return sum([
    {
      passed: vetPassed ? 1 : 0,
      failed: vetPassed ? 0 : 1,
      skipped: 0,
      skipReasons: [],
      durations: [{ file: module, name: 'go vet', seconds }],
    },
    report(module, test, context),
  ]);
}

/** One line of `go test -json` (go doc test2json). Lines of the build have other fields. */
const TestEvent = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
  /** In seconds. */
  Elapsed: z.number().optional(),
});
type TestEvent = z.infer<typeof TestEvent>;

function report(
  module: string,
  { exitCode, stdout, stderr }: { exitCode: number; stdout: string; stderr: string },
  context: TierContext,
): TierResult {
  const events = stdout.split('\n').flatMap((line) => parseEvent(line));
  const ended = (action: string): TestEvent[] =>
    events.filter((event) => event.Action === action && event.Test !== undefined);
  const failed = ended('fail');
  const skipped = ended('skip');
  for (const { Test } of ended('pass')) context.stdout.write(`✔ ${module}: ${Test}\n`);
  for (const { Test } of failed) context.stdout.write(`✖ ${module}: ${Test}\n`);
  if (exitCode !== 0) context.stdout.write(`${events.map(({ Output }) => Output ?? '').join('')}${stderr}\n`);
  return {
    passed: ended('pass').length,
    // A package that does not build, or whose process dies, fails without a test that does.
    failed: exitCode === 0 ? failed.length : Math.max(1, failed.length),
    skipped: skipped.length,
    skipReasons: skipped.map(({ Test }) => `${module}: ${Test}`),
    durations: [...ended('pass'), ...failed].map(({ Test = '', Elapsed = 0 }) => ({
      file: module,
      name: Test,
      seconds: Elapsed,
    })),
  };
}

function parseEvent(line: string): TestEvent[] {
  if (!line.startsWith('{')) return [];
  return [TestEvent.parse(JSON.parse(line))];
}

import { access } from 'node:fs/promises';
import { usageError } from '../cli/arguments.ts';
import { command } from '../cli/command.ts';
import { listFlag, switchFlag } from '../cli/flag.ts';
import { sum, type Tier, type TierName, type TierResult, tierNames } from '../tiers/tier.ts';

const slowestCount = 10;

export const test = command({
  description:
    'A tier that this host cannot run is skipped, and the last lines say why. Tools and packages that a tier needs\nare installed first. The e2e and kind tiers bring clusters up and down, and refuse while one is up.',
  cluster: false,
  flags: {
    'require-all': switchFlag('fail where anything is skipped'),
    tier: listFlag({ description: 'run these tiers only', choices: tierNames, default: tierNames }),
  },
  positionals: [
    {
      name: 'file',
      description: 'test files to run, of the unit, bpf, e2e or kind tier',
      required: false,
      variadic: true,
    },
  ],
  rest: 'none',
  async run({ flags, positionals, signal, stdout, stderr }) {
    const { bpfTier, e2eTier, kindTier, requireFreeHost, tierOf, unitTier } = await import('../tiers/node.ts');
    const { goTier } = await import('../tiers/go.ts');
    const { slowestTests } = await import('../tiers/slowest.ts');
    const { staticTier } = await import('../tiers/static.ts');
    const tiers: Record<TierName, Tier> = {
      static: staticTier,
      unit: unitTier,
      go: goTier,
      bpf: bpfTier,
      e2e: e2eTier,
      kind: kindTier,
    };
    const files = positionals.length === 0 ? null : positionals;
    for (const file of files ?? []) {
      if (tierOf(file) === null) throw usageError('test', `${file} is no test file: those end in .test.ts`);
      await requireFile(file);
    }
    const chosen = flags.tier.filter((name) => files === null || files.some((file) => tierOf(file) === name));
    if (chosen.includes('e2e') || chosen.includes('kind')) await requireFreeHost();
    const requireAll = flags['require-all'];
    const progress = (message: string): void => void stderr.write(`lab: ${message}\n`);
    const results: [TierName, TierResult, number][] = [];
    for (const name of chosen) {
      const began = Date.now();
      const result = await tiers[name]({ files, requireAll, stdout, signal, progress });
      results.push([name, result, (Date.now() - began) / 1000]);
    }
    const total = sum(results.map(([, result]) => result));
    stdout.write(`\n${slowestTests(total.durations, slowestCount)}`);
    for (const [name, result, seconds] of results) {
      stdout.write(`${name.padEnd(6)}  ${counts(result)} in ${seconds.toFixed(1)} s\n`);
      for (const reason of result.skipReasons) stdout.write(`        skipped: ${reason}\n`);
    }
    if (requireAll && total.skipped > 0) stdout.write('Nothing may be skipped here (--require-all).\n');
    stdout.write(`${counts(total)}\n`);
    return total.failed > 0 || (requireAll && total.skipped > 0) ? 5 : 0;
  },
});

async function requireFile(file: string): Promise<void> {
  await access(file).catch(() => {
    throw usageError('test', `There is no file ${file}`);
  });
}

function counts({ passed, failed, skipped }: TierResult): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

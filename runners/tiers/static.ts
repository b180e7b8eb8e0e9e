import { globSync } from 'node:fs';
import { join } from 'node:path';
import { tryExec } from '../../clusters/exec.ts';
import { ensurePackages, isInstalled } from '../../clusters/tools/host-packages.ts';
import { skippedTier, sum, type Tier, type TierContext, type TierResult } from './tier.ts';

const repository = join(import.meta.dirname, '../..');

/** Format and lint (Biome), types (tsc), and the shell scripts (shellcheck). */
export const staticTier: Tier = async (context) => {
  if (context.files !== null) return skippedTier('only files were asked for');
  if (context.requireAll) await ensurePackages(['shellcheck'], context);
  const node = process.execPath;
  return sum([
    await check('biome', node, ['node_modules/@biomejs/biome/bin/biome', 'ci', '.'], context),
    await check('tsc', node, ['node_modules/typescript/bin/tsc'], context),
    (await isInstalled('shellcheck'))
      ? await check(
          'shellcheck',
          'shellcheck',
          ['lab', '.ci/run', ...globSync('bpf/**/*.sh', { cwd: repository })],
          context,
        )
      : skippedTier('shellcheck is not installed (apt-get install -y shellcheck)'),
  ]);
};

async function check(
  name: string,
  file: string,
  args: readonly string[],
  { stdout, signal }: TierContext,
): Promise<TierResult> {
  const result = await tryExec(file, args, { cwd: repository, signal });
  const passed = result.exitCode === 0;
  stdout.write(passed ? `✔ ${name}\n` : `✖ ${name}\n${result.stdout}${result.stderr}\n`);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0, skipReasons: [] };
}

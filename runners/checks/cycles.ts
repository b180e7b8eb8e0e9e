import { ensurePackages } from '../../clusters/tools/host-packages.ts';
import { allPools } from '../cli/planes.ts';
import { exclusively, withOwnCluster } from '../session.ts';
import type { Check } from './check.ts';
import { readHostState, remainingDifferences } from './host-state.ts';

/** That bringing the cluster up and down again and again leaves the host as it was. */
export const cycles: Check = {
  summary: 'up and down 50 times leaves nothing behind on the host',
  async run({ count, signal, progress, stdout }) {
    const rounds = count ?? 50;
    const context = { signal, progress: () => undefined };
    await ensurePackages(['bpftool'], { signal, progress });
    return exclusively(async () => {
      const untouched = await readHostState();
      // The first cluster loads kernel modules, whose defaults show among the sysctls for good.
      await cycle(context);
      const before = { ...untouched, sysctls: (await readHostState()).sysctls ?? [] };
      for (let round = 1; round <= rounds; round++) {
        progress(`cycle ${round} of ${rounds}`);
        await cycle(context);
      }
      const left = await remainingDifferences(before);
      for (const line of left) stdout.write(`${line}\n`);
      stdout.write(`${rounds} cycles, ${left.length} differences\n`);
      return left.length === 0;
    });
  },
};

async function cycle(context: { signal: AbortSignal; progress: () => void }): Promise<void> {
  await withOwnCluster(allPools(), context, () => Promise.resolve());
}

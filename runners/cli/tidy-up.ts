import { existsSync } from 'node:fs';
import { journalPath } from '../../clusters/life/paths.ts';

/**
 * Removes what a killed lab has left, unless a lab is at work. Every call of `lab` does this first, so that nothing stays
 * behind for long.
 * @throws LabError when something cannot be removed, or the journal that names it cannot be read.
 */
export async function tidyUp(progress: (message: string) => void): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync(journalPath)) return;
  // Loaded only when there is something: most calls of `lab` need none of it.
  const [{ removeLeftovers }, { takeLock }] = await Promise.all([
    import('../../clusters/life/tear-down.ts'),
    import('../../clusters/life/lock.ts'),
  ]);
  const release = await takeLock().catch(() => null);
  if (release === null) return;
  try {
    if (await removeLeftovers()) progress('removed what an earlier lab had left');
  } finally {
    await release();
  }
}

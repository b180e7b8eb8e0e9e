import { rm } from 'node:fs/promises';
import { engineData, kindDirectory } from './paths.ts';

/**
 * Removes the folder of a cluster's life, and the data of the lab's own engine where it could not be emptied. `data`: where
 * the journal says that it is, which need not be where this process would put it.
 */
export async function removeKindFiles({ keepData, data }: { keepData: boolean; data: string | null }): Promise<void> {
  await rm(kindDirectory, { recursive: true, force: true });
  if (!keepData) await rm(data ?? engineData(), { recursive: true, force: true });
}

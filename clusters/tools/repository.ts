import { join } from 'node:path';

/** The folder of the lab's own files, which recipes' paths are relative to. */
export const repository = join(import.meta.dirname, '../..');

import { join } from 'node:path';

/** Where runs are kept unless `--out` says otherwise: in the checkout, outside version control. */
export const storeDirectory = join(import.meta.dirname, '..', '..', '.lab', 'runs');

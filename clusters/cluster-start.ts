import type { Pool } from './cluster.ts';
import type { ImageCatalogue } from './images/images.ts';
import type { Journal } from './life/journal.ts';
import type { Supervisor } from './supervisor/start.ts';

/** What starts a cluster of some kind is given. */
export type ClusterStart = {
  pools: readonly Pool[];
  /** What its pods may run. The programs in them are there. */
  images: ImageCatalogue;
  signal: AbortSignal;
  progress: (message: string) => void;
  /** Writes into the journal what is about to be made, so that it can be removed whatever happens. */
  record: (made: Partial<Journal>) => Promise<void>;
  /** Told of the process whose end would be the cluster's, as soon as there is one. */
  holds: (supervisor: Supervisor) => void;
};

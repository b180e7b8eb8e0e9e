import { z } from 'zod';

/** What the process that holds the lab's own engine is told, as JSON in the environment variable LAB_ENGINE. */
export const EngineOptions = z.strictObject({
  /** The file system with the daemon in it. */
  tree: z.string(),
  /** Where the daemon keeps images and containers: on a disk, and the lab's alone. */
  data: z.string(),
  /** Port of the engine's loopback that the API server will have; descriptor 3 listens on the host's. */
  apiPort: z.int(),
});
export type EngineOptions = z.infer<typeof EngineOptions>;

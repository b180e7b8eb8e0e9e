import { z } from 'zod';
import { ImageCatalogue } from '../images/images.ts';

/** What the embedded cluster's supervisor is told. */
export const SupervisorOptions = z.strictObject({
  nodes: z.array(z.strictObject({ name: z.string(), pool: z.string() })),
  images: ImageCatalogue,
  /** The host's loopback port that is forwarded to the API server; its listening socket is descriptor 3. */
  port: z.int(),
});
export type SupervisorOptions = z.infer<typeof SupervisorOptions>;

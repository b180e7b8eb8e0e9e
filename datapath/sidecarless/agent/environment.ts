import { z } from 'zod';

/** How the agent's container is set: its node, its own namespace, and the milliseconds between two events of a flow. */
export const Environment = z.object({
  NODE_NAME: z.string().min(1),
  POD_NAMESPACE: z.string().min(1),
  FLOW_REPORT_MS: z.coerce.number().int().min(0).default(5000),
});
export type Environment = z.infer<typeof Environment>;

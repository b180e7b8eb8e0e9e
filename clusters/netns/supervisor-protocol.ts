import { z } from 'zod';

/** What `up` tells the supervisor, as JSON in the environment variable LAB_SUPERVISOR. */
export const SupervisorOptions = z.strictObject({
  nodes: z.array(z.strictObject({ name: z.string(), pool: z.string() })),
  /** The host's loopback port that is forwarded to the API server; its listening socket is descriptor 3. */
  port: z.int(),
});
export type SupervisorOptions = z.infer<typeof SupervisorOptions>;

/** What the supervisor reports on descriptor 4, a JSON object a line: its steps, then how the start ended. */
export const SupervisorReport = z.discriminatedUnion('report', [
  z.strictObject({ report: z.literal('step'), message: z.string() }),
  z.strictObject({ report: z.literal('ready') }),
  z.strictObject({ report: z.literal('failed'), message: z.string(), remedy: z.string().nullable() }),
]);
export type SupervisorReport = z.infer<typeof SupervisorReport>;

/** The line that `up` writes to descriptor 4 when the cluster is to outlive it. */
export const stayLine = 'stay';

/** A body of `POST /exec` on the supervisor's socket; the answer is `{file, args}`. */
export const ExecRequest = z.strictObject({
  namespace: z.string(),
  pod: z.string(),
  container: z.string().nullable(),
  command: z.array(z.string()).min(1),
  tty: z.boolean(),
});
export type ExecRequest = z.infer<typeof ExecRequest>;

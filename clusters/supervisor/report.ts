import { z } from 'zod';

/** What a supervisor reports on descriptor 4, a JSON object a line: its steps, then how the start ended. */
export const SupervisorReport = z.discriminatedUnion('report', [
  z.strictObject({ report: z.literal('step'), message: z.string() }),
  z.strictObject({ report: z.literal('ready') }),
  z.strictObject({ report: z.literal('failed'), message: z.string(), remedy: z.string().nullable() }),
]);
export type SupervisorReport = z.infer<typeof SupervisorReport>;

/** The line that the command writes to descriptor 4 when the supervisor is to outlive it. */
export const stayLine = 'stay';

/** The variable by which a supervisor gets its options, as JSON. Everything that it starts inherits it. */
export const optionsVariable = 'LAB_SUPERVISOR';

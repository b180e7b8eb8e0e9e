import { z } from 'zod';
import { watchedKinds } from './watched-kinds.ts';

/** `POST /accepted` of the control plane's status port: which proxies must run what the API has by now. */
export const AcceptedRequest = z.strictObject({
  pods: z.array(z.string()),
  /** Objects that the control plane must have seen, at least in these versions. */
  seen: z.array(z.strictObject({ kind: z.enum(watchedKinds), name: z.string(), resourceVersion: z.string() })),
  timeoutSeconds: z.number().positive().max(120),
});
export type AcceptedRequest = z.infer<typeof AcceptedRequest>;

/** Its answer: nothing in `failures` when all have. */
export const AcceptedAnswer = z.strictObject({
  failures: z.array(z.strictObject({ pod: z.string().nullable(), code: z.string(), message: z.string() })),
});
export type AcceptedAnswer = z.infer<typeof AcceptedAnswer>;

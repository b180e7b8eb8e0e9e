import { z } from 'zod';

/** `ok`: there. `lacks`: something of the lab will not work. `note`: it works, but a reader of results should know. */
export const findingStates = ['ok', 'lacks', 'note'] as const;

/** One line of `lab doctor`. */
export const Finding = z.strictObject({
  name: z.string(),
  state: z.enum(findingStates),
  /** What was found. */
  found: z.string(),
  /** Why it matters. */
  why: z.string(),
  /** The command or step that helps, null where none is needed or known. */
  remedy: z.string().nullable(),
});
export type Finding = z.infer<typeof Finding>;

/** A finding that is `ok` where the condition holds, and otherwise what `otherwise` says. */
export function judge(
  name: string,
  holds: boolean,
  details: { found: string; why: string; otherwise: 'lacks' | 'note'; remedy?: string },
): Finding {
  const { found, why, otherwise, remedy } = details;
  return { name, state: holds ? 'ok' : otherwise, found, why, remedy: holds ? null : (remedy ?? null) };
}

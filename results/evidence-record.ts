import { z } from 'zod';

/** One claim held against a counter; `measured` is null where the counter could not be read. */
export const EvidenceCheck = z.strictObject({
  claim: z.string(),
  counter: z.string(),
  expected: z.string(),
  measured: z.number().nullable(),
  held: z.boolean(),
});
export type EvidenceCheck = z.infer<typeof EvidenceCheck>;

/**
 * One capture of the traffic. A test case that claims encryption has two: one that expects `ciphertext`, and its twin of
 * the same traffic with encryption off, which expects `plaintext` and so shows that the first would have seen it.
 */
export const Capture = z.strictObject({
  where: z.string(),
  expected: z.enum(['plaintext', 'ciphertext']),
  packets: z.int().nonnegative(),
  plaintextFound: z.boolean(),
  held: z.boolean(),
});
export type Capture = z.infer<typeof Capture>;

/** What proves the path that traffic took. Valid as long as there is no reason why not. */
export const EvidenceRecord = z
  .strictObject({
    valid: z.boolean(),
    /** Sentences for people. */
    reasons: z.array(z.string().min(1)),
    checks: z.array(EvidenceCheck),
    captures: z.array(Capture),
  })
  .refine(({ valid, reasons }) => valid === (reasons.length === 0), {
    path: ['valid'],
    error: 'evidence is valid exactly when it has no reason against it',
  })
  .refine(({ valid, checks, captures }) => !valid || [...checks, ...captures].every(({ held }) => held), {
    path: ['valid'],
    error: 'evidence with a check or capture that did not hold is not valid',
  });
export type EvidenceRecord = z.infer<typeof EvidenceRecord>;

/** The record of checks and captures, with a reason for each that did not hold, and for no evidence at all. */
export function evidenceRecord(
  checks: readonly EvidenceCheck[],
  captures: readonly Omit<Capture, 'held'>[],
): EvidenceRecord {
  const judged = captures.map((capture) => ({ ...capture, held: captureHeld(capture) }));
  const reasons = [
    ...(checks.length === 0 ? ['No counter was read, so nothing proves the path.'] : []),
    ...checks.filter(({ held }) => !held).map(checkReason),
    ...judged.filter(({ held }) => !held).map(captureReason),
  ];
  return { valid: reasons.length === 0, reasons, checks: [...checks], captures: judged };
}

/** A capture without a packet shows nothing, so it never holds. */
function captureHeld({ expected, packets, plaintextFound }: Omit<Capture, 'held'>): boolean {
  return packets > 0 && plaintextFound === (expected === 'plaintext');
}

function checkReason({ claim, counter, expected, measured }: EvidenceCheck): string {
  const found = measured === null ? 'it could not be read' : `it grew by ${measured}`;
  return `The claim "${claim}" does not hold: ${counter} had to grow by ${expected}, but ${found}.`;
}

function captureReason({ where, expected, packets }: Capture): string {
  if (packets === 0) return `The capture ${where} saw no packet.`;
  return expected === 'ciphertext'
    ? `The capture ${where} found plaintext where the data plane claims encryption.`
    : `The capture ${where} found no plaintext though encryption was off, so it would not have noticed any.`;
}

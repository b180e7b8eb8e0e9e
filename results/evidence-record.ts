import { z } from 'zod';

/** One claim held against a counter; `measured` is null where the counter could not be read, and `unread` says why. */
export const EvidenceCheck = z.strictObject({
  claim: z.string(),
  counter: z.string(),
  expected: z.string(),
  measured: z.number().nullable(),
  /** Runs before schema version 5 did not say. */
  unread: z.string().min(1).nullable().default(null),
  held: z.boolean(),
});
export type EvidenceCheck = z.infer<typeof EvidenceCheck>;

/**
 * One capture of the traffic. A test case that claims encryption has two: one that expects `ciphertext`, and its twin of
 * the same traffic with encryption off, which expects `plaintext` and so shows that the first would have seen it. So has
 * one that claims a short-cut past all links, whose first is `bypassed`: handshakes, and hardly any data.
 */
export const Capture = z.strictObject({
  where: z.string(),
  expected: z.enum(['plaintext', 'ciphertext', 'bypassed']),
  /** Packets between the two pods while the requests were under way, and the bytes that they carried. */
  packets: z.int().nonnegative(),
  payloadBytes: z.int().nonnegative(),
  /** What the requests and answers came to, as the generator counted them: the packets must have carried as much. */
  requestBytes: z.int().nonnegative(),
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

/** What proves the path before anything is measured, and after all of it; null where that was never looked at. */
export const Verification = z.strictObject({ before: EvidenceRecord, after: EvidenceRecord.nullable() });
export type Verification = z.infer<typeof Verification>;

/** Evidence that could not be had, and why. */
export function noEvidence(reason: string): EvidenceRecord {
  return { valid: false, reasons: [reason], checks: [], captures: [] };
}

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

/** What may go by the links of traffic that claims a short-cut: the first bytes of a connection, until both ends are joined. */
const mostBesideShortcut = 0.05;

/** A capture that did not see all of the traffic shows nothing, so it never holds. */
function captureHeld(capture: Omit<Capture, 'held'>): boolean {
  // The handshakes are there to be seen, and without them nothing was looked at.
  if (capture.expected === 'bypassed') {
    return capture.packets > 0 && capture.payloadBytes <= mostBesideShortcut * capture.requestBytes;
  }
  return sawTraffic(capture) && capture.plaintextFound === (capture.expected === 'plaintext');
}

function sawTraffic({ packets, payloadBytes, requestBytes }: Omit<Capture, 'held'>): boolean {
  return packets > 0 && payloadBytes >= requestBytes;
}

function checkReason({ claim, counter, expected, measured, unread }: EvidenceCheck): string {
  const found = measured === null ? (unread ?? 'it could not be read') : `it grew by ${measured}`;
  return `The claim "${claim}" does not hold: ${counter} had to grow by ${expected}, but ${found}.`;
}

function captureReason(capture: Capture): string {
  const { where, expected, packets, payloadBytes, requestBytes } = capture;
  if (packets === 0) return `The capture ${where} saw no packet between generator and workload.`;
  if (expected === 'bypassed') {
    return `The capture ${where} saw ${payloadBytes} of ${requestBytes} bytes between generator and workload, which the data plane claims went past it.`;
  }
  if (!sawTraffic(capture)) {
    return `The capture ${where} saw ${payloadBytes} bytes between generator and workload, but the requests and their answers had ${requestBytes}: some went another way, so it proves nothing.`;
  }
  return expected === 'ciphertext'
    ? `The capture ${where} found plaintext where the data plane claims encryption.`
    : `The capture ${where} found no plaintext though encryption was off, so it would not have noticed any.`;
}
